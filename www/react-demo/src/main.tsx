// Starts the page under StrictMode, which in a development build mounts, unmounts and mounts again.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Chat } from "./chat";
import { SessionChat } from "./session-chat";
import { readSetup } from "./setup";

const root = document.getElementById("app");
if (root) {
  const setup = readSetup(location);
  createRoot(root).render(<StrictMode>{setup.view === "session" ? <SessionChat setup={setup} /> : <Chat setup={setup} />}</StrictMode>);
}
