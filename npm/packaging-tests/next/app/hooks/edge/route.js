export const runtime = "edge";

export { POST } from "../node/route.js";
