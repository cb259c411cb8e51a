// Step 5 of an export: when it runs by itself, with the next five times.

import { html, useState } from "./preact-htm.js";
import { useLive } from "./live.js";
import { momentIn, zone } from "./format.js";
import { Check, Field, Select, Text, Trouble } from "./parts.js";
import { t } from "./strings.js";

const DAYS = ["1", "2", "3", "4", "5", "6", "0"];
const CRON = /^(\d{1,2}) (\d{1,2}) \* \* (\*|1-5|[0-6](?:,[0-6])*)$/;
const HOURLY = /^(\d{1,2}) \* \* \* \*$/;

/** A schedule as a form shows it: {every, time, days, minute}. */
export function read(schedule) {
  const basic = { every: schedule, time: "06:00", days: ["1"] };
  if (schedule === "default" || schedule === "off") return basic;
  if (HOURLY.test(schedule)) return { ...basic, every: "hour" };
  const match = schedule.match(CRON);
  if (!match) return { ...basic, every: "cron" };
  const time = `${match[2].padStart(2, "0")}:${match[1].padStart(2, "0")}`;
  if (match[3] === "*") return { ...basic, every: "day", time };
  if (match[3] === "1-5") return { ...basic, every: "workday", time };
  return { every: "week", time, days: match[3].split(",") };
}

function written({ every, time, days }) {
  const [hour, minute] = time.split(":").map(Number);
  const at = `${minute || 0} ${hour || 0} * *`;
  return { hour: "0 * * * *", day: `${at} *`, workday: `${at} 1-5`,
    week: `${at} ${DAYS.filter((day) => days.includes(day)).join(",") || "1"}` }[every];
}

export function When({ draft, set, said, me }) {
  const [form, setForm] = useState(() => read(draft.schedule));
  const change = (part) => {
    const next = { ...form, ...part };
    setForm(next);
    const schedule = ["default", "off"].includes(next.every) ? next.every : next.every === "cron" ? draft.schedule
      : written(next);
    set({ schedule: next.every === "cron" && ["default", "off"].includes(schedule) ? "30 6 * * 1-5" : schedule });
  };
  const timed = ["day", "workday", "week"].includes(form.every);
  const zones = Intl.supportedValuesOf("timeZone");
  return html`
    <${Check} id="landing" label=${t.editor.when.landing} hint=${t.editor.when.landingText}
      checked=${draft.run_on_landing} onValue=${(run_on_landing) => set({ run_on_landing })} />
    <div class="grid">
      <${Field} id="every" label=${t.editor.when.every}
        problem=${said("schedule")}>
        ${(ids) => html`<${Select} value=${form.every}
          options=${Object.entries(t.editor.when.choices(me.defaults.schedule))} onValue=${(every) => change({ every })}
          ...${ids} />`}<//>
      ${timed && html`<${Field} id="time"
        label=${t.editor.when.time}>
        ${(ids) => html`<input type="time" value=${form.time} onInput=${(event) => change({ time: event.target.value })}
          ...${ids} />`}<//>`}
      ${form.every === "cron"
        && html`<${Field} id="cron" label=${t.editor.when.cron}
          hint=${t.editor.when.cronHint}>
          ${(ids) => html`<${Text} value=${draft.schedule} onValue=${(schedule) => set({ schedule })} ...${ids} />`}<//>`}
      ${form.every !== "off"
        && html`<${Field} id="zone" label=${t.editor.when.zone}
          problem=${said("timezone")}>
          ${(ids) => html`<input list="zones" value=${draft.timezone ?? ""}
            placeholder=${t.editor.when.zoneDefault(me.defaults.timezone)}
            onInput=${(event) => set({ timezone: event.target.value || null })} ...${ids} />`}<//>`}
      <datalist id="zones">${[zone, ...zones].map((each) => html`<option key=${each} value=${each}></option>`)}
      </datalist>
    </div>
    ${form.every === "week"
      && html`<fieldset
        class="days"><legend>${t.editor.when.days}</legend>
        ${DAYS.map((day) =>
          html`<label class="day">
            <input type="checkbox" checked=${form.days.includes(day)}
              onChange=${(event) =>
                change({ days: event.target.checked ? [...form.days, day] : form.days.filter((each) => each !== day) })} />
            ${t.editor.when.dayNames[day]}</label>`)}</fieldset>`}
    ${form.every !== "off"
      && html`<${NextTimes} schedule=${draft.schedule} timezone=${draft.timezone}
        fallback=${me.defaults.timezone} />`}`;
}

/** The next five times on the schedule's clock, and on the reader's if that is another. */
export function NextTimes({ schedule, timezone, fallback }) {
  const query = new URLSearchParams({ schedule, ...(timezone ? { timezone } : {}) });
  const live = useLive(schedule && `/schedule?${query}`);
  const there = timezone || fallback;
  const known = live.data?.next || [];
  return html`<div class="next" aria-live="polite"><h3>${t.editor.when.next}</h3>
    ${live.data?.sentence && html`<p class="hint">${live.data.sentence}</p>`}
    <${Trouble} problem=${live.problem} />
    ${live.data && (known.length
      ? html`<ol class="times">
        ${known.map((iso) =>
          html`<li>${momentIn(iso, there)}
            ${there !== zone && html` <span class="muted">${t.editor.when.yours(momentIn(iso, zone))}</span>`}</li>`)}</ol>`
      : html`<p class="muted">${t.editor.when.never}</p>`)}
  </div>`;
}
