// The package as an ES module gets it.
export * as countersign from "countersign";
export * as events from "countersign/events";
export * as explain from "countersign/explain";
export * as express from "countersign/express";
export * as fetch from "countersign/fetch";
export * as init from "countersign/init";
export * as testing from "countersign/testing";
