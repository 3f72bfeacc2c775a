// What went wrong: the error that ended a run, and the warnings that did not.

/** Something that was wrong and was dealt with. */
export interface Notice {
  /** Stable; docs/errors.md lists them. */
  code: string;
  message: string;
}

/** Warnings, each until it is dismissed. */
export function Notices({ notices, dismiss }: { notices: Notice[]; dismiss: (code: string) => void }) {
  return (
    <div className="notices column" role="status">
      {notices.map(({ code, message }) => (
        <div key={code} className="banner" data-testid="notice" data-code={code}>
          <p>{message} <code>{code}</code></p>
          <button type="button" aria-label={`Dismiss ${code}`} onClick={() => dismiss(code)}>Dismiss</button>
        </div>
      ))}
    </div>
  );
}

/** The error in words, its code, and a way to try again where there is something to try. */
export function ErrorBanner({ error, retry, isBusy }: { error: unknown; retry: (() => void) | undefined; isBusy: boolean }) {
  const { code = "unknown", message = String(error), status } = error as { code?: string; message?: string; status?: number };
  return (
    <div className="banner error" role="alert" data-testid="error" data-code={code}>
      <p>{message} <code>{code}{status === undefined ? "" : ` · HTTP ${status}`}</code></p>
      {retry && <button type="button" data-testid="retry" disabled={isBusy} onClick={retry}>Retry</button>}
    </div>
  );
}
