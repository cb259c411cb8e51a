// The console: who is there, the frame around the pages, and which page the address names.

import { createContext, html, render, useCallback, useContext, useEffect, useState } from "./preact-htm.js";
import { call, key } from "./api.js";
import { forgetAnswers } from "./live.js";
import { Button, Field, Icon, Notice, Trouble } from "./parts.js";
import { t } from "./strings.js";

const SIGN_IN = "/.auth/login/aad?post_login_redirect_uri=/api/console";
const SIGN_OUT = "/.auth/logout?post_logout_redirect_uri=/api/console";
const RANKS = ["viewer", "contributor", "administrator"];

// Address (without #/), the module that has the page, its name there, and the entry of the menu that is lit.
const ROUTES = [
  [/^$/, "overview.js", "Overview", "overview"],
  [/^exports$/, "exports.js", "Exports", "exports"],
  [/^exports\/new(?:\?(?<query>.*))?$/, "editor.js", "NewExport", "exports"],
  [/^exports\/(?<id>[^/?]+)$/, "export.js", "ExportPage", "exports"],
  [/^exports\/(?<id>[^/?]+)\/edit$/, "editor.js", "EditExport", "exports"],
  [/^runs\/(?<id>[^/?]+)$/, "run.js", "RunPage", "history"],
  [/^segments$/, "segments.js", "Segments", "segments"],
  [/^connections$/, "connections.js", "Connections", "connections"],
  [/^connections\/new$/, "connection.js", "NewConnection", "connections"],
  [/^connections\/(?<id>[^/?]+)$/, "connection.js", "ConnectionPage", "connections"],
  [/^history(?:\?(?<query>.*))?$/, "history.js", "History", "history"],
  [/^erasures$/, "erasures.js", "Erasures", "history"],
];
const MENU = ["overview", "exports", "segments", "connections", "history"];

const Me = createContext(null);

/** Who is there: {name, role, auth_mode, app, defaults} and `may(role)`. */
export const useMe = () => useContext(Me);

/** What has to be asked before the page may be left: a function that gives a question, or null. */
export const leaving = { ask: null };

export function go(address) {
  location.hash = `#/${address}`;
}

/** Tell people who cannot see the page what has happened. */
export function announce(text) {
  document.getElementById("said").textContent = text;
}

function Console() {
  const [me, setMe] = useState(null);
  const [refusal, setRefusal] = useState(null);
  const meet = useCallback(async () => {
    try {
      const { data } = await call("GET", "/me");
      setMe({ ...data, may: (role) => RANKS.indexOf(data.role) >= RANKS.indexOf(role) });
      setRefusal(null);
      dispatchEvent(new Event("signed-in"));
    } catch (problem) {
      setRefusal(problem);
    }
  }, []);
  useEffect(() => {
    const out = (event) => setRefusal(event.detail);
    addEventListener("signed-out", out);
    meet();
    return () => removeEventListener("signed-out", out);
  }, []);
  const leave = () => {
    key.forget();
    forgetAnswers();
    leaving.ask = null;
    setMe(null);
    if (me.auth_mode === "entra") location.assign(SIGN_OUT);
    else setRefusal({ status: 401 });
  };
  if (!me && !refusal) return html`<div class="loading whole" role="status"><span class="sr">${t.loading}</span></div>`;
  // When a sign-in runs out, the pages stay behind the door: what was being typed is still there afterwards.
  return html`${refusal && html`<${Door} refusal=${refusal} stays=${Boolean(me)} onKey=${meet} />`}
    ${me && html`<div class="frame" hidden=${Boolean(refusal)}>
      <${Me.Provider} value=${me}><${Frame} me=${me} onLeave=${leave} /><//></div>`}`;
}

/** In front of the pages: the key is asked for, or the sign-in, or it is said why nobody gets in. */
function Door({ refusal, stays, onKey }) {
  const [text, setText] = useState("");
  const tried = Boolean(key.get());
  useEffect(() => {
    document.title = `${t.door.title} · ${t.product}`;
  }, []);
  const enter = (event) => {
    event.preventDefault();
    key.set(text.trim());
    setText("");
    onKey();
  };
  let body;
  if (refusal.code === "sign_in" || (refusal.status === 401 && refusal.code)) {
    body = html`<p>${stays ? t.door.signInAgain : t.door.signInText}</p>
      <${Button} kind="primary" href=${SIGN_IN} target=${stays ? "_blank" : undefined}>${t.door.signIn}<//>
      ${stays && html`<${Button} onClick=${onKey}>${t.door.goOn}<//>`}`;
  } else if (refusal.status === 401) {
    body = html`<form onSubmit=${enter}>
      <p>${t.door.text}</p>
      ${tried && html`<${Notice} tone="bad">${t.door.refused}<//>`}
      <${Field} id="key" label=${t.door.key}
        hint=${t.door.hint}>
        ${(ids) => html`<input type="password" autocomplete="off" required value=${text}
          onInput=${(event) => setText(event.target.value)} ...${ids} />`}<//>
      <button class="button primary" type="submit">${t.door.enter}</button>
    </form>
      <details><summary>${t.door.where}</summary><p>${t.door.portal}</p><pre><code>${t.door.command}</code></pre>
      </details>`;
  } else {
    body = html`<${Trouble} problem=${refusal} retry=${onKey} />`;
  }
  return html`<main
    class="door"><img src="/api/console/icon.svg" alt="" width="48" height="48" /><h1>${t.product}</h1>${body}</main>`;
}

function Frame({ me, onLeave }) {
  const [place, setPlace] = useState(null);
  useEffect(() => {
    let here = location.hash;
    const arrive = async () => {
      const question = location.hash !== here && leaving.ask?.();
      if (question && !confirm(question)) {
        history.replaceState(null, "", here);
        return;
      }
      leaving.ask = null;
      const wanted = location.hash;
      here = wanted;
      const found = await find(wanted);
      if (location.hash === wanted) setPlace(found); // else one has gone on while the page was being fetched
    };
    addEventListener("hashchange", arrive);
    arrive();
    return () => removeEventListener("hashchange", arrive);
  }, []);
  return html`<a class="skip" href="#main" onClick=${skip}>${t.skip}</a>
    <header class="side">
      <a class="brand"
        href="#/"><img src="/api/console/icon.svg" alt="" width="28" height="28" /><span>${t.product}</span></a>
      <nav aria-label=${t.menu}>${MENU.map((name) => html`
        <a href=${`#/${name === "overview" ? "" : name}`}
          aria-current=${place?.menu === name ? "page" : undefined}><${Icon} name=${name} /><span>${t.nav[name]}</span>
        </a>`)}
      </nav>
      <div class="who"><strong>${me.name}</strong><span>${t.roles[me.role]} · ${t.version} ${me.app.version}</span>
        <button type="button" class="link" onClick=${onLeave}>${me.auth_mode === "entra" ? t.signOut : t.forgetKey}
        </button></div>
    </header>
    <main id="main" tabindex="-1" data-address=${place?.address}>
      ${place?.problem ? html`<${Trouble} problem=${place.problem} retry=${() => location.reload()} />` : place
        && html`<${place.Shows} key=${place.address} ...${place.given} />`}</main>
    <div id="said" class="sr" role="status" aria-live="polite"></div>`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

async function find(hash) {
  const address = hash.replace(/^#\/?/, "");
  for (const [pattern, module, name, menu] of ROUTES) {
    const match = address.match(pattern);
    if (!match) continue;
    const { id, query } = match.groups || {};
    try {
      const Shows = (await import(`./${module}`))[name];
      return { address, menu, Shows, given: { id: id && decodeURIComponent(id), query: new URLSearchParams(query) } };
    } catch {
      return { address, problem: { status: 0, errors: [], body: {}, message: t.problems.page } };
    }
  }
  return { address, Shows: Lost, given: {} };
}

function Lost() {
  return html`<div class="page"><h1>${t.lost.title}</h1><p>${t.lost.text} <a href="#/">${t.nav.overview}</a></p></div>`;
}

render(html`<${Console} />`, document.getElementById("app"));
