import { createElement as h, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat.js";

/** Shows the chat under StrictMode; the server's address stands in the page's own. */
export function mount(api) {
  const apiUrl = new URLSearchParams(location.search).get("api");
  const page = document.body.appendChild(document.createElement("div"));
  createRoot(page).render(h(StrictMode, null, h(Chat, { ...api, apiUrl })));
}
