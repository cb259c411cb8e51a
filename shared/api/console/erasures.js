// Erasures: a person is taken out of what the app keeps, and it is said what that leaves for people to do.

import { html, useState } from "./preact-htm.js";
import { announce, useMe } from "./app.js";
import { call } from "./api.js";
import { BUSY, CALM, useAction, useLive } from "./live.js";
import { Badge, Button, Card, Check, Dialog, Field, Page, Shown, Table, Text, Time, Trouble } from "./parts.js";
import { sentence } from "./format.js";
import { t } from "./strings.js";

const MOST = 100; // that the API gives at once
const EMPTY = { address: "", delete_contact: false, reference: "" };
const pace = (data) => (data.erasures.some((each) => !each.ended_at) ? BUSY : CALM);

export function Erasures() {
  const me = useMe();
  const live = useLive(`/erasures?limit=${MOST}`, pace);
  return html`<${Page} title=${t.erasures.title} lead=${t.erasures.lead}
    back=${{ href: "#/history", text: t.nav.history }}>
    ${me.may("administrator") && html`<${Erase} onChange=${live.reload} />`}
    <${Shown} live=${live}>${(data) => (data.erasures.length
      ? html`<${Whole} erasures=${data.erasures} />${data.next && html`<p class="muted">${t.erasures.older}</p>`}`
      : html`<p class="muted">${t.erasures.none}</p>`)}<//>
  <//>`;
}

/** Whom to erase. The address is nowhere but in this form until it has been sent. */
function Erase({ onChange }) {
  const [wish, setWish] = useState(EMPTY);
  const [asking, setAsking] = useState(false);
  const action = useAction();
  const change = (part) => setWish({ ...wish, ...part });
  const said = (name) => action.problem?.errors.find((each) => each.field === name)?.detail;
  const ask = (event) => {
    event.preventDefault();
    action.clear();
    setAsking(true);
  };
  const erase = async () => {
    const done = await action.run(() => call("POST", "/erasures",
      { body: { ...wish, reference: wish.reference.trim() || null } }));
    setAsking(false);
    if (!done) return;
    setWish(EMPTY);
    announce(t.erasures.started);
    onChange();
  };
  return html`<${Card} title=${t.erasures.person}><form onSubmit=${ask}>
    <p>${t.erasures.first}</p>
    <${Field} id="address" label=${t.erasures.address} problem=${said("address")}>
      ${(ids) => html`<${Text} value=${wish.address} onValue=${(address) => change({ address })} required
        ...${ids} />`}<//>
    <${Field} id="reference" label=${t.erasures.reference} hint=${t.erasures.referenceHint}
      problem=${said("reference")} optional>
      ${(ids) => html`<${Text} value=${wish.reference} onValue=${(reference) => change({ reference })} ...${ids} />`}<//>
    <${Check} id="delete-contact" label=${t.erasures.contact} hint=${t.erasures.contactHint}
      checked=${wish.delete_contact} onValue=${(delete_contact) => change({ delete_contact })} />
    <${Trouble} problem=${action.problem} />
    <button class="button primary" type="submit" disabled=${action.busy}>${t.erasures.ask}</button>
  </form>
  ${asking && html`<${Dialog} title=${t.erasures.question} onClose=${() => setAsking(false)}
    actions=${html`<${Button} kind="danger" busy=${action.busy} onClick=${erase}>${t.erasures.erase}<//>`}>
    <p><strong class="wrap">${wish.address}</strong></p>
    <p>${wish.delete_contact ? t.erasures.everywhere : t.erasures.here}</p><//>`}<//>`;
}

function Whole({ erasures }) {
  const columns = [[t.run.asked], [t.exports.state], [t.erasures.done], [t.erasures.remaining]];
  const rows = erasures.map((each) => ({
    key: each.erasure_id,
    cells: [
      html`<${Time} iso=${each.requested_at} /><div class="muted wrap">
        ${[each.reference, t.changedBy(each.requested_by)].filter(Boolean).join(", ")}</div>`,
      html`<${Badge} state=${each.state} />`,
      t.erasures.found(each.exports.filter((part) => part.was_member).length,
        each.exports.reduce((sum, part) => sum + part.lines, 0), each.accounts.filter((part) => part.deleted).length),
      html`<${Remaining} erasure=${each} />`,
    ],
  }));
  return html`<${Table} label=${t.erasures.title} columns=${columns} rows=${rows} />`;
}

/** What went wrong, and what people have to do. */
function Remaining({ erasure }) {
  const all = [erasure.error, ...erasure.remaining].filter(Boolean);
  if (!all.length) return erasure.ended_at ? t.erasures.nothing : "–";
  return html`<ul>${all.map((each) => html`<li>${sentence(each.message)} ${each.advice}</li>`)}</ul>`;
}
