/** @type {import("next").NextConfig} */
export default {
  // Only this folder is looked at, and not where else there may be a lock file.
  turbopack: { root: import.meta.dirname },
};
