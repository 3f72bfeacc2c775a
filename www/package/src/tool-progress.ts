/** How far tools are, collected from `tools` events. */
import type { ToolProgress, ToolsEventData } from "./types/events.js";

/** The list after one more event. An event that says nothing known leaves it as it is. */
export function progressed(list: ToolProgress[], data: ToolsEventData): ToolProgress[] {
  const key = data.toolCallId ?? data.name;
  const at = list.findIndex((entry) => (entry.toolCallId ?? entry.name) === key);
  const known = list[at];
  let entry: ToolProgress;
  if (data.event === "on_tool_start") {
    entry = { name: data.name, state: "starting", input: data.input };
    if (data.toolCallId !== undefined) entry.toolCallId = data.toolCallId;
  } else if (!known) return list;
  else if (data.event === "on_tool_event") entry = { ...known, state: "running", data: data.data };
  else if (data.event === "on_tool_end") entry = { ...known, state: "completed", result: data.output };
  else if (data.event === "on_tool_error") entry = { ...known, state: "error", error: data.error };
  else return list;
  return at < 0 ? [...list, entry] : list.with ? list.with(at, entry) : list.map((old, index) => (index === at ? entry : old));
}
