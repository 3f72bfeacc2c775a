/** Reading the namespaces of events: `tools:<id>` is a tool call's, and more than one of them is an agent within an agent. */
import { toolPart } from "../subagents.js";

const PREFIX = "tools:";

const toolParts = (namespace: readonly string[] | undefined): string[] => (namespace ?? []).filter((part) => part.startsWith(PREFIX)).map((part) => part.slice(PREFIX.length));

/** Whether it is a tool call's namespace, or within one. Also as a checkpoint's text, with `|` between the parts. */
export const isSubagentNamespace = (namespace: string[] | string | undefined): boolean =>
  toolParts(typeof namespace === "string" ? namespace.split("|") : namespace).length > 0;

/** The id in the first `tools:` part. */
export const extractToolCallIdFromNamespace = (namespace: string[] | undefined): string | undefined => namespace && toolPart(namespace);

/** The number of `tools:` parts. */
export const calculateDepthFromNamespace = (namespace: string[] | undefined): number => toolParts(namespace).length;

/** The id in the last `tools:` part but one; null if there is only one, or none. */
export const extractParentIdFromNamespace = (namespace: string[] | undefined): string | null => toolParts(namespace).at(-2) ?? null;
