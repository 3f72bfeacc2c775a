// Starts the page under StrictMode, which in a development build mounts, unmounts and mounts again.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { readSetup } from "./setup";

const root = document.getElementById("app");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App setup={readSetup(location)} />
    </StrictMode>,
  );
}
