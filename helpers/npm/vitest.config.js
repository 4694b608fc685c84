export default { test: { include: ["test/*.spec.js"] } };
