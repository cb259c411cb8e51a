// The consent to send personal data to SendGrid: the text, who agreed to it, and its withdrawal.

import { html, useState } from "./preact-htm.js";
import { announce } from "./app.js";
import { call, path } from "./api.js";
import { useAction, useLive } from "./live.js";
import { Badge, Button, Card, Check, Dialog, Facts, Notice, Shown, Time, Trouble } from "./parts.js";
import { t } from "./strings.js";

export function Consent({ id, connection, onChange }) {
  const text = useLive("/consent-text");
  const given = connection.consent;
  const old = given && text.data && given.text_version !== text.data.text_version;
  const badge = html`<${Badge} state=${given ? "agreed" : "missing"}
    text=${given ? t.consent.agreed : t.consent.missing} />`;
  return html`<${Card} title=${t.consent.title} actions=${badge}>
    <${Shown} live=${text}>${(data) => html`
      ${given && html`<${Facts}
        items=${[[t.consent.by, given.agreed_by], [t.consent.at, html`<${Time} iso=${given.agreed_at} full />`],
          [t.consent.version, given.text_version]]} />`}
      ${old && html`<${Notice} tone="warn">${t.consent.old}<//>`}
      ${given && !old ? html`<details><summary>${t.consent.read}</summary><${Words} text=${data} /></details>`
        : html`<${Words} text=${data} />`}
      ${(!given || old) && html`<p>${t.check.host} <code>${connection.host}</code></p>`}
      ${!given || old ? html`<${Agree} id=${id} etag=${connection.etag} text=${data} onChange=${onChange} />` : null}
      ${given && html`<${Withdraw} id=${id} connection=${connection} onChange=${onChange} />`}`}
    <//>
  <//>`;
}

function Words({ text }) {
  return html`<div class="words">${text.paragraphs.map((each) => html`<p>${each}</p>`)}
    <ul>${text.responsibilities.map(({ who, what }) => html`<li><strong>${who}</strong> ${what}</li>`)}</ul>
    <p class="muted">${t.consent.version} ${text.text_version}</p></div>`;
}

/** `etag`: of the connection as it was shown, with the host that it names. */
function Agree({ id, etag, text, onChange }) {
  const [read, setRead] = useState(false);
  const action = useAction();
  const agree = () => action.run(async () => {
    await call("POST", path`/connections/${id}/consent`, { body: { text_version: text.text_version }, ifMatch: etag });
    announce(t.consent.agreed);
    onChange();
  });
  return html`<${Check} id="agree" label=${t.consent.confirm} checked=${read} onValue=${setRead} />
    <${Trouble} problem=${action.problem} retry=${action.problem?.status === 412 && onChange} />
    <${Button} kind="primary" disabled=${!read} busy=${action.busy} onClick=${agree}>${t.consent.agree}<//>`;
}

function Withdraw({ id, connection, onChange }) {
  const [asking, setAsking] = useState(false);
  const action = useAction();
  const withdraw = async () => {
    const done = await action.run(async () => {
      await call("DELETE", path`/connections/${id}/consent`, { ifMatch: "*" });
      announce(t.consent.withdrawn);
    });
    if (done) {
      setAsking(false);
      onChange();
    }
  };
  return html`<${Button} onClick=${() => setAsking(true)}>${t.consent.withdraw}<//>
    ${asking && html`<${Dialog} title=${t.consent.withdrawTitle} onClose=${() => setAsking(false)}
      actions=${html`<${Button} kind="danger" busy=${action.busy} onClick=${withdraw}>${t.consent.withdraw}<//>`}>
      <p>${t.consent.withdrawText(connection.used_by.length)}</p><${Trouble} problem=${action.problem} />
  <//>`}`;
}
