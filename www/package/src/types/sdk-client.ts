/** The type of `client`: the SDK's own where the SDK is installed, so that it goes wherever code written for the SDK wants one. */
import type { Client } from "./client.js";

/**
 * The SDK's client. The SDK is an optional peer: where it is not installed the next line is no error, and the type is `any`.
 * @ts-ignore */
type SdkClient = import("@langchain/langgraph-sdk").Client;

/** True where the SDK is installed: `any` has every member, also this one. Within an object, as what is not found spreads to all that asks of it. */
type HasSdk = { client: SdkClient } extends { client: { "~no client has this": true } } ? false : true;

/**
 * A stream's client: the one that was given, else a small one of ours. In projects that have `@langchain/langgraph-sdk` installed it is
 * of the type of the SDK's `Client` too. A method of the SDK's that ours does not have says so when it is called (`not_in_client`).
 */
export type StreamClient = HasSdk extends true ? SdkClient & Client : Client;
