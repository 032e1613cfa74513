import ChatTemplates
import Diagnostics
import JSONText

extension FuzzTarget {
  /// A chat template, rendered with a conversation that has most of what conversations have.
  static let template = FuzzTarget(
    name: "template", isJSON: false,
    words: [
      "{% for i in range(99999) %}", "{% endfor %}", "{% set ns.x = [ns.x, ns.x] %}",
      "{% set ns = namespace(x=[]) %}", "{% macro f(a) %}{{ f(a) }}{% endmacro %}{{ f(1) }}",
      "{% set x = x ~ x %}", "{{ 'a' * 9999999999 }}", "{{ 9223372036854775807 + 1 }}", "-%}",
      "{%-",
      "{#", "#}", "{% raw %}", "{% endraw %}", "{% if ", "{% elif ", "{% else %}", "{% endif %}",
      "[::-1]", "[-9223372036854775808:]", "|tojson(indent=2)", "|map(attribute='content')",
      "|list",
      "|selectattr('role', 'equalto', 'user')", "|sort", "|join", "|replace('', 'xx')",
      "|indent(99)",
      ".split('\\n')", ".items()", "loop.previtem", " is defined", " in ", " not ", "**", "//",
      "'%s' % ", "'{}'.format(", "strftime_now('%d %b %Y')", "(((((((((((((((", "\u{0}", "\r\n",
      "{% break %}", "{% continue %}", "{% generation %}", "{% endset %}", "\\u00e9", "\\x",
    ]
  ) { bytes in
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let template = try ChatTemplate(text, name: "template")
    func render(_ messages: JSONValue) throws {
      let rendered = try template.render([("messages", messages)] + besides, clock: .fixed)
      guard rendered.utf8.count < 1 << 25 else { fatalError("text without bound") }
    }
    // Sound templates may well refuse the second conversation, but not the first.
    try render(questions)
    do { try render(calls) } catch is InputError {}
  }

  private static let questions: JSONValue = [
    ["role": "user", "content": "What's 2 + 2?"], ["role": "assistant", "content": "é 4 😀"],
    ["role": "user", "content": "And 3 + 3?"],
  ]

  private static let calls: JSONValue = [
    ["role": "system", "content": "Be brief."], ["role": "user", "content": "What's 2 + 2?"],
    [
      "role": "assistant", "content": nil, "reasoning_content": "Hm.",
      "tool_calls": [
        ["type": "function", "function": ["name": "add", "arguments": ["a": 2, "b": 2.5]]]
      ],
    ],
    ["role": "tool", "content": "4"],
    ["role": "assistant", "content": [["type": "text", "text": "é 4 😀"]]],
  ]

  private static let besides: [(name: String, value: JSONValue)] = [
    (
      "tools",
      [["type": "function", "function": ["name": "add", "parameters": ["type": "object"]]]]
    ), ("documents", nil), ("add_generation_prompt", true), ("bos_token", "<s>"),
    ("eos_token", "</s>"),
  ]
}
