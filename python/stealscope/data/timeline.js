// Draws the timeline of a run and lets one zoom and move in it. Written by _timeline_page.py, which says what the arrays hold.
//
// Invariant: a frame costs as much as the screen has pixels, however many events there are: what is too small to see is drawn from
// means over strips of time, each level of which halves the one before. Times are in units of `about.unit` ns after `about.begin`.
"use strict";
(async () => {
  const about = JSON.parse(document.getElementById("about").textContent);
  const byId = (id) => document.getElementById(id);
  const canvas = document.querySelector("canvas"), context = canvas.getContext("2d"), tip = byId("tip");
  const LEFT = 52, TOP = 24, LEAST_LANE = 5, MOST_LANE = 34, MOST_ARROWS = 600, SOME_ARROWS = 120, ALPHA = [1, 1, 1, 0.22];
  const span = Math.max(1, Math.floor((about.end - about.begin) / about.unit));
  const colors = about.states.map((state) => rgb(state.color));

  // ---- the data ----

  function rgb(color) {
    if (!color.startsWith("#")) { const grey = Math.round(parseFloat(color) * 255); return [grey, grey, grey]; }
    return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  }

  async function unpacked() {
    const text = atob(byId("packed").textContent), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    byId("packed").remove();
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer(), found = {};
    const kinds = { uint8: Uint8Array, uint32: Uint32Array, float64: Float64Array };
    for (const [name, [kind, offset, length]] of Object.entries(about.arrays)) found[name] = new kinds[kind](buffer, offset, length);
    for (const name of ["state_begin", "poll_begin", "steal_at"]) {
      const values = found[name] || [];
      for (let i = 1; i < values.length; i++) values[i] += values[i - 1]; // modulo 2**32, as the differences are
    }
    return found;
  }

  // Means over strips: levels[0] is the finest; each holds workers x strips x 4 bytes.
  function pyramid(shares) {
    const levels = [{ strips: shares.length / about.workers / 4, shares }];
    for (let last = levels[0]; last.strips > 256; levels.push(last)) {
      const half = new Uint8Array(last.shares.length / 2);
      for (let i = 0, at = 0; i < half.length; i += 4, at += 8) {
        for (let s = 0; s < 4; s++) half[i + s] = (last.shares[at + s] + last.shares[at + 4 + s] + 1) >> 1;
      }
      last = { strips: last.strips / 2, shares: half };
    }
    return levels;
  }

  // The first index in [low, high) whose value is above `value`.
  function above(values, value, low, high) {
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] > value) high = middle; else low = middle + 1;
    }
    return low;
  }

  let data, levels;
  try {
    data = await unpacked();
    levels = pyramid(data.shares);
  } catch (error) {
    byId("notes").textContent = `This browser cannot show it (${error}); one of 2023 or later can.`;
    return;
  }

  // Intervals of a worker that touch begin .. end, as a range of indices.
  function touching(name, worker, begin, end) {
    const first = data[name + "_row"][worker], last = data[name + "_row"][worker + 1], begins = data[name + "_begin"];
    return [Math.max(first, above(begins, begin, first, last) - 1), above(begins, end, first, last)];
  }

  // ---- the view ----

  let from = 0, to = span, scroll = 0, width = 0, height = 0, lane = MOST_LANE, isAsked = false;
  const xOf = (time) => LEFT + ((time - from) / (to - from)) * (width - LEFT);
  const timeAt = (x) => from + ((x - LEFT) / (width - LEFT)) * (to - from);
  const yOf = (worker) => TOP + worker * lane - scroll;
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function look(begin, end) {
    const length = Math.min(span, Math.max(8, end - begin));
    from = Math.min(Math.max(0, begin), span - length);
    to = from + length;
    ask();
  }

  function zoom(factor, x) {
    const time = timeAt(x);
    look(time - (time - from) * factor, time + (to - time) * factor);
  }

  function shift(x, y) {
    scroll = Math.min(Math.max(0, scroll + y), Math.max(0, about.workers * lane - (height - TOP)));
    look(from + x, to + x);
  }

  function ask() {
    if (!isAsked) { isAsked = true; requestAnimationFrame(draw); }
  }

  function draw() {
    isAsked = false;
    const scale = window.devicePixelRatio || 1, box = canvas.parentElement.getBoundingClientRect();
    width = Math.max(LEFT + 50, box.width); height = Math.max(TOP + 20, box.height);
    canvas.width = Math.round(width * scale); canvas.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    lane = Math.min(MOST_LANE, Math.max(LEAST_LANE, (height - TOP) / about.workers));
    scroll = Math.min(scroll, Math.max(0, about.workers * lane - (height - TOP)));
    context.fillStyle = css("--page"); context.fillRect(0, 0, width, height);
    const first = Math.floor(scroll / lane), last = Math.min(about.workers, Math.ceil((scroll + height - TOP) / lane));
    drawLanes(first, last);
    const arrows = drawSteals(first, last);
    drawMargins(first, last);
    const whole = last - first >= about.workers, some = whole ? "" : `workers ${first} to ${last - 1} of ${about.workers}`;
    byId("notes").textContent = [`${lengthText((to - from) * about.unit)} in view`, some, arrows, ...about.notes].filter(Boolean).join(" \u00b7 ");
  }

  function drawLanes(first, last) {
    const columns = Math.ceil(width - LEFT), close = [];
    const picture = new ImageData(columns, Math.max(1, last - first));
    for (let worker = first; worker < last; worker++) {
      const range = data.state ? touching("state", worker, from, to) : null;
      if (range && range[1] - range[0] <= 2 * columns) close.push([worker, range]);
      else paintStrips(picture.data, (worker - first) * columns * 4, columns, worker);
    }
    if (close.length < last - first) {
      const hidden = new OffscreenCanvas(columns, picture.height);
      hidden.getContext("2d").putImageData(picture, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(hidden, LEFT, yOf(first), columns, (last - first) * lane);
    }
    for (const [worker, range] of close) drawClose(worker, ...range);
    context.fillStyle = css("--page");
    const gap = lane > 12 ? 3 : 1;
    for (let worker = first; worker <= last; worker++) context.fillRect(LEFT, yOf(worker) - gap / 2, width - LEFT, gap);
  }

  // One row of pixels: the colours of what the worker did in each, by their shares.
  function paintStrips(pixels, at, columns, worker) {
    const perPixel = (levels[0].strips * (to - from)) / span / columns;
    const level = levels[Math.min(levels.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, perPixel)))))];
    for (let column = 0; column < columns; column++) {
      const strip = Math.floor(((from + ((column + 0.5) / columns) * (to - from)) / span) * level.strips);
      const cell = (worker * level.strips + Math.min(strip, level.strips - 1)) * 4;
      let red = 0, green = 0, blue = 0, alpha = 0;
      for (let s = 0; s < 4; s++) {
        const weight = (level.shares[cell + s] / 255) * ALPHA[s];
        red += weight * colors[s][0]; green += weight * colors[s][1]; blue += weight * colors[s][2]; alpha += weight;
      }
      const pixel = at + column * 4;
      if (alpha > 0) { pixels[pixel] = red / alpha; pixels[pixel + 1] = green / alpha; pixels[pixel + 2] = blue / alpha; }
      pixels[pixel + 3] = Math.min(1, alpha) * 255;
    }
  }

  function drawClose(worker, low, high) {
    const y = yOf(worker);
    for (let i = low; i < high; i++) {
      const state = data.state[i], x = Math.max(LEFT, xOf(data.state_begin[i]));
      context.globalAlpha = ALPHA[state];
      context.fillStyle = `rgb(${colors[state]})`;
      context.fillRect(x, y, xOf(data.state_begin[i] + data.state_length[i]) - x, lane);
    }
    context.globalAlpha = 1;
    if (data.poll_begin) drawPolls(worker, y);
  }

  // Seams between polls that are wide enough, and their tasks' numbers where there is room.
  function drawPolls(worker, y) {
    const [low, high] = touching("poll", worker, from, to);
    if (high - low > width) return;
    context.textBaseline = "middle"; context.textAlign = "left"; context.font = "11px system-ui, sans-serif";
    for (let i = low; i < high; i++) {
      const x = Math.max(LEFT, xOf(data.poll_begin[i])), right = xOf(data.poll_begin[i] + data.poll_length[i]);
      if (right - x < 3) continue;
      context.fillStyle = css("--page");
      context.fillRect(right - 0.5, y, 1, lane);
      const text = `task ${data.poll_task[i]}`;
      if (lane >= 14 && right - x > text.length * 6.5 + 6) { context.fillStyle = "#fff"; context.fillText(text, x + 4, y + lane / 2); }
    }
  }

  function drawSteals(first, last) {
    const low = above(data.steal_at, from - 1, 0, data.steal_at.length), high = above(data.steal_at, to, 0, data.steal_at.length);
    const total = high - low, drawn = total > MOST_ARROWS ? SOME_ARROWS : total, head = Math.min(4, lane / 2);
    context.strokeStyle = context.fillStyle = css("--text");
    context.globalAlpha = 0.7; context.lineWidth = 0.8;
    for (let k = 0; k < drawn; k++) {
      const i = low + Math.floor((k * total) / drawn), x = xOf(data.steal_at[i]);
      const thief = yOf(data.steal_thief[i]) + lane / 2, victim = yOf(data.steal_victim[i]) + lane / 2;
      const back = thief > victim ? -head : head;
      context.beginPath(); context.moveTo(x, victim); context.lineTo(x, thief); context.stroke();
      context.beginPath(); context.moveTo(x, thief); context.lineTo(x - head, thief + 1.6 * back); context.lineTo(x + head, thief + 1.6 * back);
      context.fill();
    }
    context.globalAlpha = 1;
    return total > drawn ? `arrows: ${drawn.toLocaleString("en")} of ${total.toLocaleString("en")} steals` : total ? `${total.toLocaleString("en")} steals` : "";
  }

  function drawMargins(first, last) {
    context.fillStyle = css("--page");
    context.fillRect(0, 0, width, TOP); context.fillRect(0, 0, LEFT, height);
    context.font = "12px system-ui, sans-serif"; context.textBaseline = "middle"; context.fillStyle = css("--soft");
    context.textAlign = "right";
    const every = Math.max(1, 2 ** Math.ceil(Math.log2(14 / lane)));
    for (let worker = first; worker < last; worker++) {
      const y = yOf(worker) + lane / 2;
      if (worker % every === 0 && y >= TOP) context.fillText(worker, LEFT - 8, y);
    }
    context.textAlign = "center"; context.strokeStyle = css("--soft");
    const wanted = ((to - from) * about.unit) / Math.max(2, (width - LEFT) / 110), power = 10 ** Math.floor(Math.log10(wanted));
    const step = Math.max(1, [1, 2, 5, 10].map((m) => m * power).find((s) => s >= wanted)), begin = about.begin + from * about.unit;
    for (let time = Math.ceil(begin / step) * step; time <= about.begin + to * about.unit; time += step) {
      const x = xOf((time - about.begin) / about.unit), text = timeText(time, step);
      if (x < LEFT + 14 || x > width - 24) continue;
      context.fillText(text, x, TOP / 2 - 1);
      context.beginPath(); context.moveTo(x, TOP - 5); context.lineTo(x, TOP); context.stroke();
    }
    context.textAlign = "left"; context.fillText("worker", 4, TOP / 2 - 1);
  }

  // ---- text ----

  const UNITS = [[1e9, "s"], [1e6, "ms"], [1e3, "\u00b5s"], [1, "ns"]];

  function lengthText(ns) {
    const [size, unit] = UNITS.find(([size]) => Math.abs(ns) >= size) || [1, "ns"];
    return `${Number((ns / size).toPrecision(4))} ${unit}`;
  }

  // A time on an axis whose marks are `step` apart: as many digits as tell them apart.
  function timeText(ns, step) {
    const [size, unit] = UNITS.find(([size]) => Math.abs(ns) >= size || (ns === 0 && step >= size)) || [1, "ns"];
    return `${(ns / size).toFixed(Math.max(0, Math.min(9, Math.ceil(Math.log10(size / step) - 1e-9))))} ${unit}`;
  }

  function tipText(x, y) {
    const worker = Math.floor((y - TOP + scroll) / lane), time = timeAt(x);
    if (x < LEFT || y < TOP || worker < 0 || worker >= about.workers) return "";
    const lines = [`worker ${worker}, at ${lengthText(about.begin + time * about.unit)}`];
    const pixel = (to - from) / (width - LEFT);
    const near = stealNear(worker, time, 4 * pixel);
    if (near >= 0) {
      lines.push(`steal: worker ${data.steal_thief[near]} took ${data.steal_taken[near].toLocaleString("en")} from worker ${data.steal_victim[near]}, runs task ${data.steal_task[near]}`);
    }
    return [...lines, ...doing(worker, time, pixel)].join("\n");
  }

  function stealNear(worker, time, reach) {
    const low = above(data.steal_at, time - reach, 0, data.steal_at.length), high = above(data.steal_at, time + reach, 0, data.steal_at.length);
    let best = -1;
    for (let i = low; i < Math.min(high, low + 2000); i++) {
      const between = (data.steal_thief[i] - worker) * (data.steal_victim[i] - worker) <= 0;
      if (between && (best < 0 || Math.abs(data.steal_at[i] - time) < Math.abs(data.steal_at[best] - time))) best = i;
    }
    return best;
  }

  // What the worker did there: its poll or state, or the shares of what is under a pixel if that is several things.
  function doing(worker, time, pixel) {
    const lines = [];
    if (data.state) {
      const [low, high] = touching("state", worker, time - pixel / 2, time + pixel / 2);
      if (high - low > 3) lines.push(sharesText(worker, time));
      else {
        const i = touching("state", worker, time, time)[0];
        if (i < data.state_row[worker + 1] && data.state_begin[i] <= time && time <= data.state_begin[i] + data.state_length[i]) {
          lines.push(`${label(about.states[data.state[i]].name)} for ${lengthText(data.state_length[i] * about.unit)}`);
        }
      }
    } else lines.push(sharesText(worker, time));
    if (data.poll_begin) {
      const [low, high] = touching("poll", worker, time - pixel / 2, time + pixel / 2);
      if (high - low > 3) lines.push(`about ${(high - low).toLocaleString("en")} polls under this pixel`);
      else {
        const i = touching("poll", worker, time, time)[0];
        if (i < data.poll_row[worker + 1] && data.poll_begin[i] <= time && time <= data.poll_begin[i] + data.poll_length[i]) {
          lines.push(`poll of task ${data.poll_task[i]}, ${lengthText(data.poll_length[i] * about.unit)}`);
        }
      }
    }
    return lines;
  }

  function sharesText(worker, time) {
    const perPixel = (levels[0].strips * (to - from)) / span / (width - LEFT);
    const level = levels[Math.min(levels.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, perPixel)))))];
    const cell = (worker * level.strips + Math.min(level.strips - 1, Math.floor((time / span) * level.strips))) * 4;
    const parts = about.states.map((state, s) => [level.shares[cell + s], state.name]).filter(([share]) => share > 0);
    return parts.map(([share, name]) => `${label(name)} ${Math.round(share / 2.55)} %`).join(", ") || "nothing known";
  }

  const label = (name) => (name === "gil_wait" ? "GIL wait" : name);

  // ---- hands ----

  const fingers = new Map();
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.shiftKey) shift(0, event.deltaY || event.deltaX);
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) shift(((to - from) * event.deltaX) / width, 0);
    else zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 300))), event.offsetX);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, event); canvas.focus(); });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (before && fingers.size === 1) {
      shift(((before.offsetX - event.offsetX) / (width - LEFT)) * (to - from), before.offsetY - event.offsetY);
    } else if (before) {
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      const distance = (a, b) => Math.max(20, Math.hypot(a.offsetX - b.offsetX, a.offsetY - b.offsetY));
      zoom(distance(before, other) / distance(event, other), (event.offsetX + other.offsetX) / 2);
    }
    if (before) fingers.set(event.pointerId, event);
    showTip(event.offsetX, event.offsetY);
  });
  canvas.addEventListener("pointerleave", () => (tip.style.display = "none"));
  canvas.addEventListener("dblclick", () => look(0, span));
  canvas.addEventListener("keydown", (event) => {
    const step = (to - from) / 5, middle = LEFT + (width - LEFT) / 2;
    const keys = {
      ArrowLeft: () => shift(-step, 0), ArrowRight: () => shift(step, 0), ArrowUp: () => shift(0, -3 * lane), ArrowDown: () => shift(0, 3 * lane),
      "+": () => zoom(0.5, middle), "=": () => zoom(0.5, middle), "-": () => zoom(2, middle), 0: () => look(0, span), Home: () => look(0, span),
    };
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  function showTip(x, y) {
    const text = fingers.size ? "" : tipText(x, y);
    tip.style.display = text ? "block" : "none";
    if (!text) return;
    tip.textContent = text;
    tip.style.left = `${Math.max(0, Math.min(x + 14, width - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > height ? y - tip.offsetHeight - 10 : y + 18}px`;
  }

  for (const state of about.states) {
    const entry = document.createElement("span"), mark = document.createElement("i");
    mark.style.background = `rgb(${rgb(state.color)})`;
    mark.style.opacity = state.name === "parked" ? 0.4 : 1;
    entry.append(mark, `${label(state.name)} ${(100 * state.share).toFixed(1)} %`);
    byId("legend").append(entry);
  }
  new ResizeObserver(ask).observe(canvas.parentElement);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ask);
  ask();
})();
