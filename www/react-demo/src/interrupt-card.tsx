// Questions of the agent, with the answers a person can give: one by one, or all at once.
import { useState } from "react";
import type { Interrupt } from "rejoin/react";
import { Details } from "./details";

/** Every pending question. `answer` is given the id of the one that is answered, `answerAll` an answer for each id. */
export function InterruptList({ interrupts, answer, answerAll }: {
  interrupts: Interrupt[];
  answer: (id: string | undefined, value: unknown) => void;
  answerAll: (byId: Record<string, unknown>) => void;
}) {
  const [words, setWords] = useState<Record<string, string>>({});
  const keyOf = ({ id }: Interrupt, at: number) => id ?? String(at);
  const typed = interrupts.map((interrupt, at) => words[keyOf(interrupt, at)]?.trim() ?? "");
  return (
    <>
      {interrupts.map((interrupt, at) => {
        const key = keyOf(interrupt, at);
        return (
          <InterruptCard
            key={key} id={interrupt.id} value={interrupt.value} words={words[key] ?? ""}
            change={(text) => setWords((all) => ({ ...all, [key]: text }))} answer={(value) => answer(interrupt.id, value)}
          />
        );
      })}
      {interrupts.length > 1 && (
        <div className="row spread">
          <p className="hint">{interrupts.length} questions wait. Answer each by itself, or type all answers and send them together.</p>
          <button
            type="button" className="primary" data-testid="interrupts-send-all" disabled={typed.includes("")}
            onClick={() => answerAll(Object.fromEntries(interrupts.map((interrupt, at) => [keyOf(interrupt, at), typed[at]])))}
          >
            Send all answers
          </button>
        </div>
      )}
    </>
  );
}

/** One pending question; its value is any JSON. */
function InterruptCard({ id, value, words, change, answer }: {
  id: string | undefined;
  value: unknown;
  words: string;
  change: (text: string) => void;
  answer: (value: unknown) => void;
}) {
  const question = typeof value === "string" ? value : (value as { question?: unknown } | null | undefined)?.question;
  return (
    <div data-testid="interrupt" data-interrupt-id={id}>
      <section className="card interrupt" data-testid="interrupt-card" aria-label="The agent asks">
        <h2>{typeof question === "string" ? question : "The agent asks for your decision."}</h2>
        {typeof value !== "string" && <Details value={value} except="question" />}
        <div className="row">
          <button type="button" className="primary" data-testid="interrupt-approve" onClick={() => answer(true)}>Approve</button>
          <button type="button" data-testid="interrupt-reject" onClick={() => answer(false)}>Reject</button>
        </div>
        <form
          className="row"
          onSubmit={(event) => {
            event.preventDefault();
            if (words.trim() !== "") answer(words.trim());
          }}
        >
          <input data-testid="interrupt-answer" aria-label="An answer in your own words" placeholder="Or in your own words…" autoComplete="off" value={words} onChange={(event) => change(event.target.value)} />
          <button type="submit" data-testid="interrupt-send" disabled={words.trim() === ""}>Answer</button>
        </form>
      </section>
    </div>
  );
}
