// The package as an ES module gets it.
export * as countersign from "countersign";
export * as client from "countersign/client";
export * as dedupe from "countersign/dedupe";
export * as events from "countersign/events";
export * as explain from "countersign/explain";
export * as express from "countersign/express";
export * as fastify from "countersign/fastify";
export * as fetch from "countersign/fetch";
export * as hono from "countersign/hono";
export * as init from "countersign/init";
export * as lambda from "countersign/lambda";
export * as node from "countersign/node";
export * as receiver from "countersign/receiver";
export * as slim from "countersign/slim";
export * as testing from "countersign/testing";
