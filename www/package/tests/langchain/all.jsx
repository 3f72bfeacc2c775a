export { version as reactVersion } from "react";
export { messages } from "./messages.jsx";
export { queue } from "./queue.jsx";
export { suspense } from "./suspense.jsx";
