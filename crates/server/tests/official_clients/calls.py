"""Every call of the official Python client, once: `python calls.py SERVER_URL`. Says one JSON line for each."""

import asyncio
import json
import re
import sys
import time

from langgraph_sdk import get_client

client = get_client(url=sys.argv[1], api_key=None)
assistants, crons, runs, store, threads = client.assistants, client.crons, client.runs, client.store, client.threads

INPUT = {"messages": [{"role": "user", "content": "hi"}]}
QUICK = {"input": INPUT, "config": {"configurable": {"n_tokens": 2, "delay_ms": 0}}}
SLOW = {"input": INPUT, "config": {"configurable": {"n_tokens": 1000, "delay_ms": 50}}}
BRIEF = {"input": INPUT, "context": {"n_tokens": 2, "delay_ms": 0}}


async def call(name, run):
    try:
        outcome = await run
        outcome = "works" if outcome is None or outcome is True else outcome
        if outcome != "works":
            outcome = f"wrong: {outcome}"
    except Exception as error:  # Each is told.
        response = getattr(error, "response", None)
        text = f"{getattr(error, 'body', '')} {error} {response.text if response is not None and response.is_closed else ''}"
        code = re.search(r"""['"]code['"]: ?['"](\w+)['"]""", text)
        status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
        outcome = f"{status} {code[1]}" if code else f"{type(error).__name__}: {text}"
    print(json.dumps({"call": name, "outcome": outcome}), flush=True)


def words(values):
    return len(values["messages"][-1]["content"].split())


async def all_of(stream):
    return [part async for part in stream]


async def holds(answer, check):
    answer = await answer
    return check(answer) or answer


async def main():
    thread = (await threads.create())["thread_id"]

    await call("assistants.get", holds(assistants.get("chat"), lambda found: found["graph_id"] == "chat"))
    await call("assistants.getSchemas", holds(assistants.get_schemas("chat"), lambda found: "input_schema" in found))
    search = assistants.search(graph_id="chat", metadata={"created_by": "system"}, sort_by="name", select=["name"])
    await call("assistants.search", holds(search, lambda found: found == [{"name": "chat"}]))
    await call("assistants.count", holds(assistants.count(graph_id="chat"), lambda found: found == 1))
    await call("assistants.getGraph", assistants.get_graph("chat"))
    await call("assistants.getSubgraphs", assistants.get_subgraphs("chat"))
    await call("assistants.create", assistants.create("chat"))
    await call("assistants.update", assistants.update("chat", name="x"))
    await call("assistants.delete", assistants.delete("chat"))
    await call("assistants.getVersions", assistants.get_versions("chat"))
    await call("assistants.setLatest", assistants.set_latest("chat", 1))

    made = threads.create(metadata={"a": 1}, if_exists="do_nothing")
    await call("threads.create", holds(made, lambda thread: thread["metadata"]["a"] == 1))
    await call("threads.create, ttl", threads.create(ttl=5))
    steps = [{"updates": [{"values": INPUT, "as_node": "model"}]}]
    await call("threads.create, supersteps", threads.create(supersteps=steps))
    changed = threads.update(thread, metadata={"mine": "yes"})
    await call("threads.update", holds(changed, lambda found: found["metadata"]["mine"] == "yes"))
    brief = threads.update(thread, metadata={"mine": "yes"}, return_minimal=True)
    await call("threads.update, returnMinimal", holds(brief, lambda said: said is None))
    await call("threads.update, ttl", threads.update(thread, metadata={}, ttl=5))
    await call("threads.get", holds(threads.get(thread), lambda found: found["thread_id"] == thread))
    await call("threads.get, include", threads.get(thread, include=["ttl"]))

    streamed = all_of(runs.stream(thread, "chat", **QUICK, stream_mode=["values", "messages-tuple"]))
    await call(
        "runs.stream",
        holds(streamed, lambda parts: any(part.event == "messages" for part in parts) and words(parts[-1].data) == 2),
    )
    streamed = all_of(runs.stream(thread, "chat", **BRIEF, stream_mode="values"))
    await call("runs.stream, context", holds(streamed, lambda parts: words(parts[-1].data) == 2))
    more = {"stream_resumable": True, "on_disconnect": "continue", "durability": "async", "stream_subgraphs": True}
    streamed = all_of(runs.stream(thread, "chat", **QUICK, **more))
    await call(
        "runs.stream, streamResumable, onDisconnect, durability",
        holds(streamed, lambda parts: all(part.id is not None for part in parts)),
    )
    for mode in ("events", "tools"):
        streamed = all_of(runs.stream(thread, "chat", **QUICK, stream_mode=["values", mode]))
        await call(f"runs.stream, streamMode {mode}", streamed)
    await call("runs.stream, feedbackKeys", all_of(runs.stream(thread, "chat", **QUICK, feedback_keys=["a"])))
    await call("runs.stream, webhook", all_of(runs.stream(thread, "chat", **QUICK, webhook="http://localhost/x")))
    streamed = all_of(runs.stream(thread, "chat", **QUICK, stream_mode="values", durability="exit"))
    await call("runs.stream, durability exit", holds(streamed, lambda parts: words(parts[-1].data) == 2))
    streamed = all_of(runs.stream(None, "chat", **QUICK, stream_mode="values"))
    await call("runs.stream, without a thread", holds(streamed, lambda parts: words(parts[-1].data) == 2))
    await call("runs.create", holds(runs.create(thread, "chat", **QUICK), lambda run: run["status"] == "pending"))

    async def later():
        begun = time.monotonic()
        run = await runs.create(thread, "chat", **QUICK, after_seconds=1)
        await runs.join(thread, run["run_id"])
        return time.monotonic() - begun >= 1 or "too early"

    await call("runs.create, afterSeconds", later())
    await call("runs.create, strictResume", runs.create(thread, "chat", **QUICK, strict_resume=True))
    alone = runs.create(None, "chat", **QUICK)
    await call("runs.create, without a thread", holds(alone, lambda run: run["thread_id"] != thread))
    await call("runs.wait", holds(runs.wait(thread, "chat", **QUICK), lambda values: words(values) == 2))

    async def classy():
        name = ["langchain", "schema", "messages", "HumanMessage"]
        message = {"lc": 1, "type": "constructor", "id": name, "kwargs": {"content": "hello"}}
        asked = (await threads.create())["thread_id"]
        values = await runs.wait(asked, "chat", **(QUICK | {"input": {"messages": [message]}}))
        first = values["messages"][0]
        return (first["type"] == "human" and first["content"] == "hello") or values

    await call("runs.wait, a message in class form", classy())

    async def answered():
        asked = (await threads.create())["thread_id"]
        await runs.wait(asked, "approval", **QUICK)
        values = await runs.wait(asked, "approval", command={"resume": "yes"})
        return ("__interrupt__" not in values and len(values["messages"]) > 1) or values

    await call("runs.wait, command", answered())

    async def stopped():
        asked = (await threads.create())["thread_id"]
        values = await runs.wait(asked, "chat", **QUICK, interrupt_before="*")
        return len(values["messages"]) == 1 or values

    left = runs.wait(thread, "chat", **QUICK, on_disconnect="cancel")
    await call("runs.wait, onDisconnect cancel", holds(left, lambda values: words(values) == 2))
    await call("runs.wait, interruptBefore", stopped())
    await call("runs.wait, without a thread", holds(runs.wait(None, "chat", **QUICK), lambda values: words(values) == 2))
    await call("runs.list", holds(runs.list(thread, limit=2, status="success"), lambda found: len(found) == 2))
    await call("runs.list, select", runs.list(thread, select=["run_id"]))
    run = (await runs.create(thread, "chat", **SLOW, stream_resumable=True))["run_id"]
    await call("runs.get", holds(runs.get(thread, run), lambda found: found["run_id"] == run))

    async def joined():
        async for part in runs.join_stream(thread, run, last_event_id="-1", stream_mode=["values"]):
            if part.event == "values":
                return True
        return "no values"

    await call("runs.joinStream", joined())

    async def cancelled():
        await runs.cancel(thread, run, wait=True, action="interrupt")
        return (await runs.get(thread, run))["status"] == "interrupted" or "not interrupted"

    await call("runs.cancel", cancelled())
    await call("runs.join", holds(runs.join(thread, run), lambda values: isinstance(values["messages"], list)))
    await call("runs.delete", runs.delete(thread, run))
    await call("runs.createBatch", runs.create_batch([{"assistant_id": "chat", **QUICK}]))
    await call("runs.cancelMany", runs.cancel_many(thread_id=thread, run_ids=[run]))

    state = await threads.get_state(thread)
    at = state["checkpoint"]
    whole = threads.get_state(thread, subgraphs=True)
    await call("threads.getState", holds(whole, lambda found: len(found["values"]["messages"]) > 2))
    same = lambda found: found["created_at"] == state["created_at"]
    await call(
        "threads.getState, of a checkpoint's id", holds(threads.get_state(thread, checkpoint_id=at["checkpoint_id"]), same)
    )
    await call("threads.getState, of a checkpoint", holds(threads.get_state(thread, at, subgraphs=True), same))
    await call("threads.getState, select", threads.get_state(thread, select=["values"]))
    written = threads.update_state(thread, {"messages": [{"role": "user", "content": "more"}]})
    await call("threads.updateState", holds(written, lambda found: found["checkpoint"]["thread_id"] == thread))
    before = {"configurable": {"checkpoint_id": at["checkpoint_id"]}}
    await call("threads.getHistory", holds(threads.get_history(thread, limit=3, before=before), lambda found: len(found) == 3))
    updates = threads.get_history(thread, metadata={"source": "update"})
    await call("threads.getHistory, metadata", holds(updates, lambda found: len(found) == 1))
    status = (await threads.get(thread))["status"]
    search = threads.search(
        metadata={"mine": "yes"}, status=status, sort_by="updated_at", sort_order="desc", select=["thread_id"]
    )
    await call("threads.search", holds(search, lambda found: found == [{"thread_id": thread}]))

    async def by_values():
        found = await threads.search(values={"messages": [{"content": "more"}]})
        none = await threads.search(values={"messages": [{"content": "never said"}]})
        return (len(found) == 1 and not none) or [found, none]

    await call("threads.search, values", by_values())
    await call("threads.search, extract", threads.search(extract={"a": "values.messages[-1]"}))
    await call("threads.count", holds(threads.count(metadata={"mine": "yes"}), lambda found: found == 1))

    async def copied():
        # The client says nothing of the copy.
        await threads.copy(thread)
        return await threads.count(metadata={"mine": "yes"}) == 2 or "no copy"

    await call("threads.copy", copied())

    async def joined_thread():
        return await all_of(await threads.join_stream(thread))

    await call("threads.joinStream", joined_thread())
    await call("threads.prune", threads.prune([thread]))
    await call("threads.delete", holds(threads.delete(thread), lambda said: said is None))

    await call("crons.create", crons.create("chat", schedule="* * * * *"))
    await call("crons.search", crons.search())
    await call("store.putItem", store.put_item(["a"], "k", {"v": 1}))
    await call("store.getItem", store.get_item(["a"], "k"))
    await call("store.deleteItem", store.delete_item(["a"], "k"))
    await call("store.searchItems", store.search_items(["a"]))
    await call("store.listNamespaces", store.list_namespaces([]))


asyncio.run(main())
