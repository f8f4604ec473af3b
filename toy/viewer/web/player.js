// Time: where it is, and how it runs. From noise to samples along the ODE; with `forward` on, first from data to noise.

import { barAt, sigmaAt, sigmaAtBar, timeAt } from "./frames.js";

const BAR_SECONDS = 7; // the whole scrub bar at speed 1
const HOLD_MS = 1100; // what has been sampled is looked at before the loop starts again
const TURN_MS = 500; // cross-fade between the forward process and other noise

export class Player {
  // `on`: {moved(), phase(), playing(), settings() -> {speed, loop}, seamless() -> whether both noises are the same,
  // stepwise() -> whether to jump from step to step}.
  constructor(on) {
    this.on = on;
    this.sigmas = [1, 0];
    this.t = 0;
    this.phase = "reverse";
    this.forward = false;
    this.playing = false;
    this.turn = 0;
  }

  get steps() {
    return this.sigmas.length - 1;
  }

  get sigma() {
    return sigmaAt(this.sigmas, this.t);
  }

  // Ends of the scrub bar's logarithmic part.
  get range() {
    return [this.sigmas[0], this.sigmas[this.steps - 1] || 0.002];
  }

  // Another grid of noise levels: the noise level stays.
  setSigmas(sigmas) {
    const sigma = this.sigma;
    this.sigmas = sigmas;
    this.t = timeAt(sigmas, sigma);
  }

  setTime(t) {
    const bounded = Math.min(Math.max(t, 0), this.steps);
    if (bounded === this.t) return;
    this.t = bounded;
    this.on.moved();
  }

  setBar(u) {
    this.setTime(timeAt(this.sigmas, sigmaAtBar(Math.min(1, Math.max(0, u)), ...this.range)));
  }

  seek(t) {
    this.setPlaying(false);
    this.setTime(t);
  }

  // To the next whole step of the solver, in the direction in which time runs.
  step(direction) {
    const sign = this.phase === "forward" ? -direction : direction;
    this.seek(sign > 0 ? Math.floor(this.t + 1 + 1e-6) : Math.ceil(this.t - 1 - 1e-6));
  }

  scrub(u) {
    this.setPlaying(false);
    this.setBar(u);
  }

  setForward(on) {
    this.forward = on;
    this.turn = 0;
    this.setPhase(on ? "forward" : "reverse");
    if (on) {
      this.setTime(this.steps);
      this.setPlaying(true);
    }
  }

  setPhase(phase) {
    if (this.phase === phase) return;
    this.phase = phase;
    this.bar = null;
    this.on.phase();
  }

  setPlaying(on) {
    if (this.playing === on) return;
    this.playing = on;
    if (on) {
      this.holdUntil = 0;
      this.lastTick = null;
      this.bar = null;
      if (this.phase === "reverse" && this.t >= this.steps) this.restart();
    }
    this.on.playing();
  }

  restart() {
    this.bar = null;
    if (this.forward) this.setPhase("forward");
    else this.setTime(0);
  }

  // One animation frame at the time `now`, in ms.
  advance(now) {
    // After a hidden tab or a long stall the picture goes on from where it was.
    const dt = Math.min(100, now - (this.lastTick ?? now));
    this.lastTick = now;
    if (this.holdUntil) {
      if (now < this.holdUntil) return;
      this.holdUntil = 0;
      this.restart();
      return;
    }
    if (this.turn > 0) {
      this.turn = Math.max(0, this.turn - dt / TURN_MS);
      if (this.turn <= 0.5) this.setPhase("reverse");
      return;
    }
    const { speed, loop } = this.on.settings();
    const sign = this.phase === "forward" ? -1 : 1;
    const stepwise = this.on.stepwise?.() ?? false;
    const from = stepwise ? (this.bar ?? barAt(this.sigma, ...this.range)) : barAt(this.sigma, ...this.range);
    const u = from + (sign * speed * dt) / (1000 * BAR_SECONDS);
    if (stepwise) {
      // Time runs on unseen; what is seen jumps to each whole step as it is reached.
      this.bar = u;
      const t = timeAt(this.sigmas, sigmaAtBar(Math.min(1, Math.max(0, u)), ...this.range));
      this.setTime(sign > 0 ? Math.floor(t + 1e-6) : Math.ceil(t - 1e-6));
    } else this.setBar(u);
    if (sign < 0 && u <= 0) {
      if (this.on.seamless()) this.setPhase("reverse");
      else this.turn = 1;
    } else if (sign > 0 && u >= 1) {
      if (loop) this.holdUntil = now + HOLD_MS;
      else this.setPlaying(false);
    }
  }
}
