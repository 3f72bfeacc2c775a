// A question of the agent, with the answers a person can give.
import { useState } from "react";
import { Details } from "./details";

/** One pending question; its value is any JSON. */
export function InterruptCard({ value, answer }: { value: unknown; answer: (value: unknown) => void }) {
  const [words, setWords] = useState("");
  const question = typeof value === "string" ? value : (value as { question?: unknown } | null | undefined)?.question;
  return (
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
        <input data-testid="interrupt-edit" aria-label="An answer in your own words" placeholder="Or in your own words…" autoComplete="off" value={words} onChange={(event) => setWords(event.target.value)} />
        <button type="submit" data-testid="interrupt-answer" disabled={words.trim() === ""}>Answer</button>
      </form>
    </section>
  );
}
