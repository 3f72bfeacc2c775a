// The order in which assistant-ui has the versions of a message, whatever came first.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageRepository } from "@assistant-ui/core/internal";
import { VersionOrder } from "../../dist/assistant-ui/runtime/version-order.js";

const message = (id) => ({ id, role: "user", content: [], metadata: { custom: {} } });
const item = (id, parentId = null) => ({ message: message(id), parentId });

/** assistant-ui's messages of a thread, given as its runtime core takes them. */
function page() {
  const [order, held] = [new VersionOrder(), new MessageRepository()];
  return {
    list(...ids) {
      ids.forEach((id, at) => held.addOrUpdateMessage(ids[at - 1] ?? null, message(id)));
      order.givenList(ids.map(message));
    },
    whole(headId, ...items) {
      const messages = order.ordered(items);
      for (const { parentId, message: one } of messages) held.addOrUpdateMessage(parentId, one);
      const kept = new Set(items.map(({ message: { id } }) => id));
      for (const { message: { id } } of held.export().messages) if (!kept.has(id)) held.deleteMessage(id);
      held.import({ headId, messages: [] });
      order.givenWhole(messages);
      return messages.length - items.length;
    },
    versions: (id) => held.getBranches(id),
    shown: () => held.getMessages().map(({ id }) => id),
    switchTo: (id) => held.switchToBranch(id),
  };
}

const TREE = [item("old"), item("a", "old"), item("b", "a"), item("new"), item("c", "new"), item("d", "new")];

test("a version that arrived first is behind the older ones", () => {
  const { whole, versions, shown } = page();
  whole("d", item("new"), item("d", "new"));
  whole("d", ...TREE);
  assert.deepEqual([versions("new"), versions("d"), shown()], [["old", "new"], ["c", "d"], ["new", "d"]]);
});

test("one that arrived in a list, while a run streams, is too", () => {
  const { list, whole, versions, shown } = page();
  list("new", "d");
  list("new", "d", "e");
  whole("e", ...TREE, item("e", "d"));
  assert.deepEqual([versions("new"), versions("d"), shown()], [["old", "new"], ["c", "d"], ["new", "d", "e"]]);
});

test("what is in order is left as it is, with the version that was looked at last", () => {
  const { whole, versions, shown, switchTo } = page();
  assert.equal(whole("d", ...TREE), 0);
  switchTo("c");
  switchTo("old");
  assert.equal(whole("b", ...TREE), 0);
  switchTo("new");
  assert.deepEqual([versions("new"), shown()], [["old", "new"], ["new", "c"]]);
});

test("a version that went and came back is where it belongs", () => {
  const { whole, versions } = page();
  whole("d", ...TREE);
  whole("d", item("new"), item("d", "new"));
  assert.deepEqual(versions("new"), ["new"]);
  whole("d", ...TREE);
  assert.deepEqual([versions("new"), versions("c")], [["old", "new"], ["c", "d"]]);
});
