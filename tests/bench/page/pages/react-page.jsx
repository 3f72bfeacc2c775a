// The page that all hooks share: a list of messages. `under-test` gives the hook; pages with rows of their own bring them.
import { createRoot } from "react-dom/client";
import * as tested from "under-test";

const { bench } = window;
const { config } = bench;

function ListOfAll({ messages, textOf }) {
  return messages.map((message) => <p key={message.id}>{textOf(message)}</p>);
}

function Shown() {
  const { busy, send, ...rest } = tested.useThread(config);
  const List = tested.List ?? ListOfAll;
  bench.send = send;
  return (
    <div id="list" data-busy={busy}>
      <List {...rest} textOf={tested.textOf} />
    </div>
  );
}

/** The hook and nothing to show: the answer's text is only looked at. */
function Alone() {
  const { busy, send, ...rest } = tested.useThread(config);
  bench.send = send;
  bench.busy = busy;
  if (tested.Alone) return <tested.Alone {...rest} at={config.before + 1} bench={bench} />;
  const answer = rest.messages[config.before + 1];
  bench.counted(rest.messages.length);
  if (answer) bench.seen(tested.textOf(answer));
  return null;
}

let root;
bench.mount = (element) => {
  root = createRoot(element);
  root.render(config.alone ? <Alone /> : <Shown />);
};
bench.unmount = () => root.unmount();
if (config.now) bench.begin();
