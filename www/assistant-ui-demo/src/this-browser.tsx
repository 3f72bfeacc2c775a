// What this browser has to do with it: a second tab, and what is stored here.
import { useState } from "react";
import { clearRejoinData } from "rejoin";

/** A way to a second tab, with what to expect of it, and a way to remove what is stored. Without an address there is nothing to share yet. */
export function ThisBrowser({ address, shares }: { address: string | undefined; shares: boolean }) {
  const [problem, setProblem] = useState<string>();
  const clear = () => clearRejoinData().then(() => location.reload(), (error: Error) => setProblem(error.message));
  return (
    <details className="this-browser" data-testid="this-browser">
      <summary>Tabs and storage</summary>
      <div>
        {address === undefined ? (
          <p>Ask something first: then this conversation can be opened in a second tab.</p>
        ) : (
          <>
            <a data-testid="second-tab" href={address} target="_blank" aria-describedby="second-tab-about">Open a second tab</a>
            <p id="second-tab-about">
              {shares
                ? "It shows the same answer, over the same connection. A question in one tab appears in the other at once."
                : "It shows the same answer, over its own connection."}
            </p>
          </>
        )}
        <button type="button" data-testid="clear-stored" aria-describedby="clear-stored-about" onClick={clear}>Clear stored data</button>
        <p id="clear-stored-about">
          Removes saved conversations and unsent questions, in all tabs, and reloads the page. The server keeps its conversations.
        </p>
        {problem !== undefined && <p role="alert">{problem}</p>}
      </div>
    </details>
  );
}
