//! The planner on simulated time: each promise, each fault, and seeded mixtures of all of them.

mod dedicated;
mod dialling;
mod filling;
mod fronts;
mod hostile;
mod last_call;
mod late_targets;
mod leftovers;
mod moving;
mod null_moving;
mod random;
mod recovering;
mod releasing_first;
mod searching;
mod silent_targets;
mod stages;
mod staying;
mod windows;
mod words;
mod world;
