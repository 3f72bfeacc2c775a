// What the agent asks: a card for each question, answered one at a time or all at once.
import { useState } from "react";
import { useAuiState } from "@assistant-ui/react";
import { useLangGraphInterrupts, useLangGraphRespond, useLangGraphRespondAll } from "rejoin/assistant-ui";
import { Details } from "./details";

/** Every question that waits. */
export function Interrupts() {
  const interrupts = useLangGraphInterrupts();
  const respond = useLangGraphRespond();
  const respondAll = useLangGraphRespondAll();
  const isRunning = useAuiState((state) => state.thread.isRunning);
  if (isRunning || interrupts.length === 0) return null;
  // What goes wrong is the thread's error, which is shown below.
  const quietly = (answered: Promise<void>) => void answered.catch(() => {});
  const answerAll = (value: unknown) => {
    const ids = interrupts.flatMap(({ id }) => (id === undefined ? [] : [id]));
    quietly(respondAll(Object.fromEntries(ids.map((id) => [id, value]))));
  };
  return (
    <>
      {interrupts.map(({ id, value }, at) => (
        <Card key={id ?? at} id={id} value={value} answer={(answer) => quietly(respond(answer, { interruptId: id }))} />
      ))}
      {interrupts.length > 1 && (
        <div className="row end">
          <button type="button" data-testid="interrupts-reject-all" onClick={() => answerAll(false)}>Reject all</button>
          <button type="button" className="primary" data-testid="interrupts-approve-all" onClick={() => answerAll(true)}>Approve all</button>
        </div>
      )}
    </>
  );
}

function Card({ id, value, answer }: { id: string | undefined; value: unknown; answer: (value: unknown) => void }) {
  const [words, setWords] = useState("");
  const question = typeof value === "string" ? value : (value as { question?: unknown } | null | undefined)?.question;
  return (
    <section className="card interrupt" data-testid="interrupt-card" data-interrupt-id={id} aria-label="The agent asks">
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
