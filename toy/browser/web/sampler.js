// Whole runs of a rule, a schedule and an integrator, as toy/sampling/trajectories.py puts them together, over a part of the points.

import { keyOf, points, run, scalar, whole } from "./interpret.js";
import { exactOf, knobsOf } from "./library.js";
import { normal, split, threefry } from "./random.js";

const keys = (seed) => split(split(Uint32Array.of(0, seed), 2)[0], 2);

// True samples of the target and the noise that is added to them: `count` points from number `begin` on, [count, 2] each.
export function dataAndNoise(densities, scene, begin, count) {
  const [ofData, ofNoise] = keys(scene.seed);
  const data = densities.sample(exactOf(scene.target), ofData, count, { offset: begin });
  const noise = normal(ofNoise, 2 * count, 2 * begin);
  const sigma = Math.fround(scene.sigmas[0]);
  return { data, noise: noise.map((value) => value * sigma) };
}

export function startOf(scene, { data, noise }) {
  return scene.start === "exact" ? data.map((value, i) => value + noise[i]) : noise;
}

// What a run's programs ask of their surroundings: densities by role, and the rule at a step.
function surroundings(library, scene, count, offset) {
  const rule = library.rules.get(scene.rule);
  const schedule = library.schedules.get(scene.schedule);
  const players = library.players(scene);
  const own = knobsOf(rule, scene.knobs);
  const ofSchedule = knobsOf(schedule, scene.knobs);
  const env = { n: count, offset };
  const shareAt = (sigma, progress) => run(schedule.body, [progress, sigma, ...ofSchedule], env)[0];
  env.ask = {
    score: (role, x, sigma) => players[role].score(x, sigma),
    scoreJvp: (role, x, sigma, along) => players[role].scoreJvp(x, sigma, along),
    logp: (role, x, sigma) => players[role].logp(x, sigma),
    observe: (x, memory, sigma, _, progress) => (rule.observe ? run(rule.observe, [x, ...memory, shareAt(sigma, progress), ...own], env) : memory),
    field(x, sigma, memory, ...step) {
      const share = shareAt(step[0], step[2]);
      const [score, ...moved] = run(rule.body, [x, sigma, ...memory, ...step, share, ...own], env);
      return [score, moved];
    },
  };
  return { env, rule, own, shareAt };
}

// Yields the points [count, 2] after every step; `x` are those that the run begins with, the first of them number `offset`.
export function* trajectory(library, scene, x, offset = 0) {
  const integrator = library.integrators.get(scene.integrator);
  const { env, rule } = surroundings(library, scene, x.length / 2, offset);
  const ofStepper = knobsOf(integrator, scene.knobs);
  const steps = scene.sigmas.length - 1;
  const [, key] = split(Uint32Array.of(0, scene.seed), 2);
  let at = points(x);
  let memory = run(rule.start, [at], env);
  let past = run(integrator.start, [at], env);
  for (let i = 0; i < steps; i++) {
    const now = [scalar(scene.sigmas[i]), scalar(scene.sigmas[i + 1]), scalar(i / steps), keyOf(threefry(key[0], key[1], 0, i))];
    [at, memory, ...past] = run(integrator.body, [at, ...now, scalar(steps), memory, ...past, ...ofStepper], env);
    yield whole(at);
  }
}

// The step that begins at a noise level, and the share of the extra weight there.
function stepAt({ sigmas }, sigma, shareAt) {
  const above = sigmas.filter((level) => level > sigma * (1 + 1e-6)).length;
  const next = sigmas.find((level) => level < sigma * (1 - 1e-6)) ?? 0;
  const [level, progress] = [scalar(sigma), scalar(above / (sigmas.length - 1))];
  const share = shareAt(level, progress);
  return [level, scalar(next), progress, share];
}

// The score that the rule follows at points and one noise level, its schedule applied; a rule that remembers is asked as at the
// start of its run.
export function guidedAt(library, scene, x, sigma) {
  const { env, rule, own, shareAt } = surroundings(library, scene, x.length / 2, 0);
  const at = points(x);
  const memory = run(rule.start, [at], env);
  const [score] = run(rule.body, [at, scalar(sigma), ...memory, ...stepAt(scene, sigma, shareAt), ...own], env);
  return whole(score);
}

// Exponent of each role in the tilted density whose score the rule follows at a noise level; none where it is the score of none.
export function exponentsAt(library, scene, sigma) {
  const { env, rule, own, shareAt } = surroundings(library, scene, 1, 0);
  if (!rule.tilt) return {};
  const [, , , share] = stepAt(scene, sigma, shareAt);
  const powers = run(rule.tilt, [share, ...own], env);
  return Object.fromEntries(rule.tilts.map((role, i) => [role, powers[i].data[0]]));
}

// The share of the extra weight that the schedule gives at a noise level, `progress` of the way.
export function shareOf(library, scene, sigma, progress) {
  return surroundings(library, scene, 1, 0).shareAt(scalar(sigma), scalar(progress)).data[0];
}
