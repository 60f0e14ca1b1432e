"""A desk's keys: none is lost. One pressed before the next text is drawn waits, is shown, and is taken once it is there.

A button's own shortcut is heard only while that button stands there: what is typed between two drawings is lost, or falls on the
text before. Here one listener, ahead of Streamlit's, keeps the keys in order and gives each drawing one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

JS = """
const waiting = [];  // keys pressed and not yet acted on
let now = null;      // what the server drew last: {turn, keys: {key: the button's key}, all, open}
let fired = null;    // the turn that has had its key already
let opening = false; // a field is being opened: what is typed meanwhile belongs into it
let timer = null, line = null;
let leaving = null;  // Streamlit may take this away and put it back while it draws: only what stays away is gone

// Where a person types. A radio button or a switch that was clicked last keeps the focus, but takes no letters.
const TICKED = ["radio", "checkbox", "button", "submit", "range", "file"];
const inField = (node) => node && (node.isContentEditable || ["TEXTAREA", "SELECT"].includes(node.tagName)
    || (node.tagName === "INPUT" && !TICKED.includes(node.type)));

// A button that somebody went to by Tab is pressed by Enter; those that a key picks have their own.
const elsewhere = (node) => node && node.closest && node.closest("button, a, summary, [role=option]")
    && !node.closest("[class*=st-key-pick-]");

function say() {
    if (line) { line.textContent = waiting.length ? `Waiting: ${waiting.join(" ")} (Esc drops them)` : ""; }
}

function pressed(event) {
    if (!now || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) { return; }
    const key = event.key.toLowerCase();
    const drops = key === "escape" && waiting.length && !opening;
    const letter = opening ? event.key.length === 1 : now.all.includes(key) && !now.open;
    if (!drops && !letter) { return; }
    if (key === "enter" && elsewhere(event.target)) { return; }
    event.stopImmediatePropagation();
    event.preventDefault();
    if (event.repeat) { return; }  // held down: pressed once
    if (drops) { waiting.length = 0; } else { waiting.push(opening ? event.key : key); }
    say();
    act();
}

function intoField() {
    const field = document.querySelector(`.st-key-${now.open} :is(input, textarea)`);
    if (!field) { return false; }
    field.focus();
    const text = waiting.splice(0).join("");
    if (text) { document.execCommand("insertText", false, text); }
    opening = false;
    say();
    return true;
}

function act() {
    clearTimeout(timer);
    if (now && now.open) {
        if (!opening || intoField()) { return; }
    } else if (now && fired !== now.turn && waiting.length) {
        const place = now.keys[waiting[0]];
        const button = place && document.querySelector(`.st-key-${place} button`);
        if (!place || button) {
            const key = waiting.shift();
            say();
            if (!button) { return act(); }  // nothing here has that key
            fired = now.turn;
            opening = now.opens.includes(key);
            button.click();
            return;
        }
    } else if (!waiting.length) { return; }
    timer = setTimeout(act, 25);
}

function leave() {
    window.removeEventListener("keydown", pressed, true);
    clearTimeout(timer);
    waiting.length = 0;
    now = fired = line = leaving = null;
    opening = false;
}

export default function({ data, parentElement }) {
    clearTimeout(leaving);
    if (!now) { window.addEventListener("keydown", pressed, true); }
    line = parentElement.querySelector(".understudy-waiting") || parentElement.appendChild(document.createElement("div"));
    line.className = "understudy-waiting";
    line.setAttribute("role", "status");
    now = data;
    if (!now.open && fired !== now.turn) { opening = false; }
    say();
    act();
    return () => { leaving = setTimeout(leave, 1000); };
}
"""
CSS = ".understudy-waiting { min-height: 1.2em; font-size: 0.875rem; color: var(--st-text-color); }"
_mount = st.components.v2.component("understudy-keys", js=JS, css=CSS)


def listen(buttons: dict[str, str], every: Sequence[str], open_: str | None = None, opens: str = "") -> None:
    """Have these keys press these buttons (by the buttons' own keys) of what is being drawn now. `every`: all the keys there can
    be, which wait where they cannot be acted on yet; `open_`: the key of the field that stands open, `opens`: the keys that open
    one."""
    turn = st.session_state["review-turn"] = st.session_state.get("review-turn", 0) + 1
    data: dict[str, Any] = {"turn": turn, "keys": buttons, "all": list(every), "open": open_, "opens": opens}
    _mount(data=data, key="review-keys", height="content")
