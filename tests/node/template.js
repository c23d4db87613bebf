// template.js: what AWS's own validator of CloudFormation templates says of files.
//
//     node template.js FILE …
//
// Prints a JSON array for each file, a line each: [{"severity","rule","message"}, …].
'use strict';

const { RegoEngine, TemplateFile } = require('@aws/cloudformation-validate');

const engine = new RegoEngine();
for (const file of process.argv.slice(2)) {
  const { diagnostics } = engine.validateStandard(new TemplateFile(file));
  console.log(JSON.stringify(diagnostics.map((d) => ({ severity: d.severity, rule: d.ruleId, message: d.message }))));
}
engine.free();
