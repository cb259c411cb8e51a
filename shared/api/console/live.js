// Data that keeps itself fresh: asked for again while the tab is seen, less often when nothing happens or calls fail.

import { useCallback, useEffect, useRef, useState } from "./preact-htm.js";
import { call } from "./api.js";

export const BUSY = 1500; // milliseconds between looks while a run is under way
export const CALM = 20_000;
const SLOWEST = 120_000;

const FRESH = 10_000; // an older answer is not shown when a page is opened again: states change

const seen = new Map(); // path -> the last answer, and when it came

/** Forget every answer: the person has changed. */
export function forgetAnswers() {
  seen.clear();
}

function known(path) {
  const last = seen.get(path);
  return last && Date.now() - last.at < FRESH ? last.answer : undefined;
}

/**
 * GET `path` (null: nothing yet). `pace(data)` gives the milliseconds until the next look, 0 for none.
 * Gives {data, etag, problem, loading, reload}. After a failure `data` is still the last answer.
 */
export function useLive(path, pace = () => 0) {
  const [answer, setAnswer] = useState({ path });
  const [turn, setTurn] = useState(0);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const pacing = useRef(pace);
  pacing.current = pace;
  useEffect(() => {
    if (!path) return undefined;
    const stop = new AbortController();
    let timer = 0;
    let failures = 0;
    const look = async () => {
      clearTimeout(timer);
      let wait = 0;
      try {
        const { data, etag } = await call("GET", path, { signal: stop.signal });
        if (stop.signal.aborted) return;
        failures = 0;
        seen.set(path, { answer: { path, data, etag }, at: Date.now() });
        setAnswer({ path, data, etag });
        wait = pacing.current(data);
      } catch (problem) {
        if (stop.signal.aborted) return;
        failures += 1;
        setAnswer((last) => ({ ...(last.path === path ? last : known(path)), path, problem }));
        const temporary = problem.status === 0 || problem.status >= 500 || problem.status === 429;
        wait = temporary ? Math.min(SLOWEST, 2000 * 2 ** failures) : 0;
        if (problem.status === 401) dispatchEvent(new CustomEvent("signed-out", { detail: problem }));
      }
      if (wait && !document.hidden) timer = setTimeout(look, wait);
    };
    const awake = () => (document.hidden ? clearTimeout(timer) : look());
    document.addEventListener("visibilitychange", awake);
    addEventListener("signed-in", look);
    look();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", awake);
      removeEventListener("signed-in", look);
    };
  }, [path, turn]);
  const current = answer.path === path ? answer : { path };
  const shown = current.data === undefined ? { ...known(path), ...current } : current;
  return { ...shown, loading: Boolean(path) && shown.data === undefined && !shown.problem, reload };
}

/** Something done once: run(work) -> whether it went well; while it goes `busy`, then `problem` if it failed. */
export function useAction() {
  const [state, setState] = useState({ busy: false, problem: null });
  const run = useCallback(async (work) => {
    setState({ busy: true, problem: null });
    try {
      await work();
      setState({ busy: false, problem: null });
      return true;
    } catch (problem) {
      if (problem.status === undefined) throw problem;
      setState({ busy: false, problem });
      if (problem.status === 401) dispatchEvent(new CustomEvent("signed-out", { detail: problem }));
      return false;
    }
  }, []);
  const clear = useCallback(() => setState({ busy: false, problem: null }), []);
  return { ...state, run, clear };
}

/** The time, told again every `milliseconds`. */
export function useNow(milliseconds) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => document.hidden || setNow(Date.now()), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
  return now;
}
