// Names that the measuring and the reporting side share.

/** The scheme of the documented snippet. The bars are about it. */
export const MAIN = "sendemall";
export const OURS = "countersign";
export const SNIPPET = "createHmac snippet";
