// A CommonJS module: Node 20.19 requires ES modules, and TypeScript knows.
import rejoin = require("rejoin");

export const stream = rejoin.createStream({ apiUrl: "http://127.0.0.1", assistantId: "chat" });
