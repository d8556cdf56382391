// Where things are. Every script and test asks here.

import { fileURLToPath } from "node:url";

/** The folder of this package. */
export const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
/** The folder of the whole project. */
export const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
/** What `cargo xtask build` makes: the wasm modules, their manifest, and the packed package. */
export const INPUTS = `${PROJECT}target/countersign/`;
/** Consumer projects with the packed package installed, and build stamps. */
export const PACKAGING = `${PROJECT}target/packaging/`;
/** The package as it would be published. */
export const TARBALL = `${INPUTS}countersign.tgz`;

/** Where the sources lie compiled, file by file. Tests of what no entry exports import from here. */
export const COMPILED = `${PACKAGING}compiled/`;
