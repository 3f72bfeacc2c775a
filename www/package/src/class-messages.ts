/**
 * Class messages of `@langchain/core`, given to a stream. They are recognised by their shape, so that nothing of that package is loaded:
 *
 * | given | becomes |
 * | --- | --- |
 * | an instance: it has `getType` or `_getType` | `{type, content, ..}` |
 * | its JSON: `{lc: 1, type: "constructor", id: [.., "HumanMessage"], kwargs}` | the same |
 * | the result of its `toDict()`: `{type: "human", data: {content, ..}}` | the same |
 *
 * Any other value stays the same object.
 */

type Fields = Record<string, unknown>;

/** Types by the names of the classes. */
const TYPES = /* @__PURE__ */ new Map([
  ["HumanMessage", "human"],
  ["AIMessage", "ai"],
  ["SystemMessage", "system"],
  ["ToolMessage", "tool"],
  ["FunctionMessage", "function"],
  ["RemoveMessage", "remove"],
  ["ChatMessage", "generic"],
]);
const KNOWN_TYPES = /* @__PURE__ */ new Set(TYPES.values());

/** The fields of an instance that its class's own JSON leaves out. */
const FIELDS = ["id", "content", "name", "additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls", "usage_metadata", "tool_call_id", "status", "artifact", "role"];

const isObject = (value: unknown): value is Fields => typeof value === "object" && value !== null;

/** An object as a literal makes it, in whatever window. */
export function isPlain(value: unknown): value is Fields {
  if (!isObject(value)) return false;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A message of this type. One of no known author is told apart by its role alone. */
function messageOf(type: string, fields: Fields): Fields {
  const told = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
  return type === "generic" && typeof fields["role"] === "string" ? told : { ...told, type };
}

/** The fields of an instance, as its own JSON gives them, if it has any. */
function instanceFields(message: Fields): Fields {
  const { kwargs } = (typeof message["toJSON"] === "function" ? (message["toJSON"] as () => Fields)() : {}) as { kwargs?: unknown };
  if (isObject(kwargs)) return kwargs;
  return Object.fromEntries(FIELDS.flatMap((name) => (message[name] === undefined ? [] : [[name, message[name]]])));
}

function fromInstance(value: Fields): Fields | undefined {
  const getType = value["getType"] ?? value["_getType"];
  if (typeof getType !== "function" || !("content" in value)) return undefined;
  const type: unknown = getType.call(value);
  return typeof type === "string" ? messageOf(type, instanceFields(value)) : undefined;
}

function fromJson({ lc, type, id, kwargs, data, content }: Fields): Fields | undefined {
  if (lc === 1 && type === "constructor" && Array.isArray(id) && isObject(kwargs)) {
    const known = TYPES.get(String(id.at(-1)).replace(/Chunk$/, ""));
    return known === undefined ? undefined : messageOf(known, kwargs);
  }
  const isStored = typeof type === "string" && KNOWN_TYPES.has(type) && content === undefined && isPlain(data) && "content" in data;
  return isStored ? messageOf(type, data) : undefined;
}

function converted(value: unknown, above: Set<unknown>): unknown {
  // What is within itself cannot be sent, which whoever writes it says.
  if (!isObject(value) || above.has(value)) return value;
  const isLiteral = isPlain(value);
  const message = isLiteral ? fromJson(value) : fromInstance(value);
  if (!message && !isLiteral && !Array.isArray(value)) return value;
  above.add(value);
  let differs = message !== undefined;
  const within = (item: unknown): unknown => {
    const made = converted(item, above);
    differs ||= made !== item;
    return made;
  };
  const copy = Array.isArray(value) ? value.map(within) : Object.fromEntries(Object.entries(message ?? value).map(([name, item]) => [name, within(item)]));
  above.delete(value);
  return differs ? copy : value;
}

/** The same value, with plain messages in place of class messages at any depth. Without class messages it is the same object. */
export const withPlainMessages = <T>(given: T): T => converted(given, new Set()) as T;
