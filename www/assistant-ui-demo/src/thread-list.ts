// The list of conversations, kept in this browser; what is said in them is the server's.
import type { RemoteThreadListAdapter } from "@assistant-ui/react";
import { createAssistantStream } from "assistant-stream";

interface Known {
  id: string;
  title: string;
}

const KEY = "rejoin-demo:threads";
const TITLE_CHARS = 60;

function read(): Known[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter((one): one is Known => typeof one?.id === "string" && typeof one.title === "string") : [];
  } catch {
    return [];
  }
}

function write(threads: Known[]): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(threads));
  } catch {
    // Storage that is full or forbidden: the list lives as long as the page.
  }
}

function title(id: string, words: string): void {
  const threads = read();
  const known = threads.find((thread) => thread.id === id);
  if (known) known.title = words;
  write(known ? threads : [{ id, title: words }, ...threads]);
}

const metadata = ({ id, title: words }: Known) => ({ status: "regular" as const, remoteId: id, externalId: id, ...(words && { title: words }) });

/**
 * A thread list for the runtime. `create` makes a thread on the server; without it the thread is made with its first run.
 */
export function threadList(create: (id: string) => Promise<void>): RemoteThreadListAdapter {
  return {
    list: async () => ({ threads: read().map(metadata) }),
    // Any thread that the address names, also one that this browser has never seen.
    fetch: async (id) => metadata(read().find((thread) => thread.id === id) ?? { id, title: "" }),
    initialize: async () => {
      const id = crypto.randomUUID();
      await create(id);
      title(id, "");
      return { remoteId: id, externalId: id };
    },
    rename: async (id, words) => title(id, words),
    delete: async (id) => write(read().filter((thread) => thread.id !== id)),
    archive: async () => undefined,
    unarchive: async () => undefined,
    generateTitle: async (id, messages) => {
      const asked = messages.find((message) => message.role === "user")?.content.find((part) => part.type === "text");
      const words = asked?.text.slice(0, TITLE_CHARS) ?? "";
      if (words) title(id, words);
      return createAssistantStream((controller) => controller.appendText(words));
    },
  };
}
