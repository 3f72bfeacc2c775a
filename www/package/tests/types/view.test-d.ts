// The types of views. Compiled, never run: `npm run check`.
import { createStream, createView, type Message, type NodeStatus, type SessionNode, type StreamView, type ViewSnapshot } from "rejoin";
import { createView as fromAsset } from "rejoin/asset";
import { useStream, useView } from "rejoin/react";
import { useView as assetHook } from "rejoin/asset/react";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const yes = <T extends true>(): T => true as T;

const stream = useStream({ assistantId: "agent", loadState: false });
const view = useView({ stream, limit: 50 });
yes<Equal<(typeof view)["nodes"], readonly SessionNode<(typeof stream)["messages"][number]>[]>>();
yes<Equal<(typeof view)["nodes"][number]["status"], NodeStatus>>();
yes<Equal<ReturnType<(typeof view)["loadOlder"]>, Promise<number>>>();
const reason: string | undefined = view.nodes[0]?.reason;
const text: string | undefined = view.error?.code;
useView({ stream: stream.store });
assetHook({ stream });

const store = createStream({ assistantId: "agent" });
const made: StreamView = createView(store, { limit: 10 });
const shown: ViewSnapshot<Message> = made.getSnapshot();
void made.loadOlder({ throwOnError: true }).then((count) => count.toFixed());
fromAsset(stream);

// @ts-expect-error a view is of a stream
useView({ limit: 5 });
// @ts-expect-error a limit is a number
createView(store, { limit: "5" });
// @ts-expect-error what is shown is not to be changed
shown.nodes.push(shown.nodes[0]!);

void [reason, text];
