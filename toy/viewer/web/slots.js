// The sides of Explore's view.

export const SLOTS = ["left", "right"];
