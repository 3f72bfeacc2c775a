// A machine that is busy takes longer than a second for what the peer's tests wait for. Those that differ on purpose wait in vain: not too long.
import { configure } from "@testing-library/react";

configure({ asyncUtilTimeout: 4_000 });
