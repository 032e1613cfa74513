import ChatTemplates
import Diagnostics
import JSONText
import TestSupport
import Testing

/// What a hostile template cannot do, and what is said of a wrong one.
@Suite struct LimitTests {
  private static let small = {
    var limits = TemplateLimits()
    limits.work = 1 << 20
    limits.outputByteCount = 1 << 16
    return limits
  }()

  private func render(
    _ source: String, _ variables: [(name: String, value: JSONValue)] = [],
    _ limits: TemplateLimits = small
  ) throws -> String {
    try ChatTemplate(source, name: "t.jinja").render(variables, clock: .fixed, limits: limits)
  }

  @Test(arguments: [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
    "{{ 'a' * 999999999999 }}", "{{ 9223372036854775807 * 'ab' }}",
    "{{ [1, 2] * 9223372036854775807 }}", "{{ [1] * 2305843009213693952 }}",
    "{{ 'x' | indent(9223372036854775807, true) }}",
    "{{ [[]] | tojson(indent=9223372036854775807) }}",
    "{{ ('a' * 9999) | replace('', 'b' * 9999) }}", "{{ (['a'] * 9999) | join('b' * 9999) }}",
    "{{ '1'.zfill(9223372036854775807) }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(200) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(l=[1]) %}{% for i in range(200) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l == ns.l }}",
    "{{ range(99999) | list | sort | list | sort | list | sort }}",
  ])
  func workIsBounded(source: String) {
    expectInputError(.unsupported, mentioning: ["t.jinja", "line 1", "too many steps"]) {
      try render(source)
    }
  }

  /// Text that would be gigabytes is refused before it is made.
  @Test(arguments: [
    "{{ x\(String(repeating: " ~ x", count: 20000)) }}", "{{ ('%s' * 20000) % ((x,) * 20000) }}",
    "{{ ('{0}' * 20000).format(x) }}", "{{ range(20000) | list | tojson(separators=(x, ':')) }}",
    "{{ {\((0..<4000).map { "\($0): 1" }.joined(separator: ", "))} | tojson(separators=(',', x)) }}",
    "{{ [\(String(repeating: "9", count: 4000))] * 20000 }}",
    "{{ ([\(String(repeating: "9", count: 4000))] * 20000) | tojson }}",
    "{% macro \(String(repeating: "m", count: 4000))() %}{% endmacro %}{{ [\(String(repeating: "m", count: 4000))] * 20000 }}",
  ])
  func textIsCountedBeforeItIsMade(source: String) {
    expectInputError(.unsupported, mentioning: ["t.jinja", "line 1", "too many steps"]) {
      try render("{% set x = 'a' * 400000 %}" + source)
    }
  }

  /// What reads all of a text or a list without making one, again and again.
  @Test(arguments: [
    "list | join", "list | sum", "mapping | first",
    "mapping[text]", "mapping | attr(text)", "text.strip('a')", "'b'.strip(text)",
    "'b'.find(text)", "text | int", "text | float", "text is lower", "text is upper",
    "text.removeprefix(text)", "text.removesuffix(text)",
    "('{name}' * 9999).format(\((0..<99).map { "a\($0)=1" }.joined(separator: ", ")), name=1)",
    "f()",
  ])
  func timeIsCounted(expression: String) {
    expectInputError(.unsupported, mentioning: ["t.jinja", "too many steps"]) {
      try render(Self.repeating(expression))
    }
  }

  @Test func aLittleAgainAndAgainIsFine() throws {
    #expect(try render(Self.repeating("text == 'b'")).isEmpty)
  }

  /// Evaluates an expression again and again that may use a long text, a list, a mapping and a macro.
  private static func repeating(_ expression: String) -> String {
    let members = (0..<999).map { "\($0): 1" }.joined(separator: ", ")
    let parameters = (0..<999).map { "p\($0)" }.joined(separator: ", ")
    return """
      {% macro f(\(parameters)) %}{% endmacro %}{% set mapping = {\(members)} %}
      {%- set text = 'a' * 200000 %}{% set list = [0] * 20000 %}
      {%- for i in range(1200) %}{% set x = \(expression) %}{% endfor %}
      """
  }

  @Test func outputIsBounded() {
    expectInputError(.unsupported, mentioning: ["t.jinja", "line 2", "65536 bytes"]) {
      try render("\n{% for i in range(999) %}{{ 'a' * 999 }}{% endfor %}")
    }
  }

  @Test func nestingIsBounded() throws {
    let deep = String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
    let brackets = String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000)
    let braces = String(repeating: "{1: ", count: 5000) + "1" + String(repeating: "}", count: 5000)
    let statements = String(repeating: "{% if true %}", count: 5000)
    for source in [
      "{{ \(deep) }}", "{{ \(brackets) }}", statements,
      "{{ \(String(repeating: "not ", count: 5000)) 1 }}",
      "{{ \(String(repeating: "- ", count: 5000)) 1 }}",
      "{{ 1\(String(repeating: " if 1 else 1", count: 5000)) }}",
      "{{ \(braces) }}",
    ] {
      expectInputError(.unsupported, mentioning: ["t.jinja", "line 1", "nested more than"]) {
        try render(source)
      }
    }
    expectInputError(.unsupported, mentioning: ["t.jinja", "nested more than"]) {
      try render("{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}")
    }
    // What loops and methods hold counts as well.
    for body in [
      "{% set ns.l = [ns.l] %}", "{% for x in [ns.l] %}{% set ns.l = loop %}{% endfor %}",
      "{% set ns.l = {'a': ns.l}.get %}", "{% set ns.l = [ns.l].count %}",
    ] {
      expectInputError(.unsupported, mentioning: ["lists in lists"]) {
        try render("{% set ns = namespace(l=[]) %}{% for i in range(999) %}\(body){% endfor %}")
      }
    }
  }

  /// What stands in a row is no nesting, however long it is.
  @Test func longRowsAreFine() throws {
    let sum = "{{ 0\(String(repeating: " + 1", count: 5000)) }}"
    #expect(try render(sum) == "5000")
    let filters = "{{ 'a'\(String(repeating: " | upper", count: 2000)) }}"
    #expect(try render(filters) == "A")
    let branches = (0..<2000).map { "{% elif x == \($0) %}\($0)" }.joined()
    #expect(try render("{% if false %}\(branches){% endif %}", [("x", 1999)]) == "1999")
    let attributes = "{{ x\(String(repeating: "['y']", count: 200)) is defined }}"
    var value: JSONValue = [:]
    for _ in 0..<200 { value = ["y": value] }
    #expect(try render(attributes, [("x", value)]) == "True")
  }

  /// Namespaces and macros that hold each other end with the template.
  @Test func ringsEnd() throws {
    let source = """
      {% set ns = namespace() %}{% set ns.ns = ns %}{% macro f() %}{{ ns is defined }}{% endmacro %}
      {%- set ns.f = f %}{% for i in range(20000) %}{% set ns = namespace(n=ns) %}{% endfor %}
      {%- set chain = namespace(n=none) %}{% for i in range(20000) %}{% set chain.n = namespace(n=chain.n) %}{% endfor %}
      {{- ns.f() }} {{ ns }}
      """
    #expect(try render(source, [], TemplateLimits()) == "True <Namespace>")
  }

  /// A long input may take more than a short one.
  @Test func workGrowsWithTheInput() throws {
    let text = String(repeating: "word ", count: 400_000)
    let source = "{% for m in messages %}{{ '<' + m.content | trim + '>' }}{% endfor %}"
    let rendered = try render(source, [("messages", [["content": .string(text)]])])
    #expect(rendered.utf8.count == text.utf8.count + 1)
  }

  @Test(
    arguments: [
      ("{{ 1 +", InputError.Code.malformed, "line 1: the tag has no end; expected '}}'"),
      ("{{ 1 + }}", .malformed, "line 1: found '}}', expected an expression"),
      ("\n{% if x %}\n", .malformed, "line 2: has no end; expected '{% endif %}'"),
      ("{% for x of y %}{% endfor %}", .malformed, "found 'of', expected 'in'"),
      ("{% endif %}", .malformed, "the statement 'endif' is unknown here"),
      ("{% include 'a' %}", .unsupported, "the statement 'include' is unknown here"),
      ("{# x", .malformed, "the comment has no end"),
      ("{{ 'x }}", .malformed, "has no end; expected '"),
      ("{{ (1] }}", .malformed, "found ']', expected ')'"),
      ("{{ $x }}", .malformed, "'$' has no meaning here"),
      ("{% raw %}x", .malformed, "'raw' has no end"),
      ("{{ '\\ud83d' }}", .malformed, "hexadecimal"),
      (
        "{{ \(String(repeating: "a", count: 4097)) }}", .unsupported,
        "line 1: found a name or a number of 4097 characters, expected at most 4096"
      ),
      ("{{ 1.\(String(repeating: "0", count: 4095)) }}", .unsupported, "number of 4097 characters"),
      ("{{ f(*x) }}", .unsupported, "(* and **) are not supported"),
      ("{{ 1 | uper }}", .unsupported, "the filter 'uper' is unknown; did you mean 'upper'?"),
      ("{{ 1 is strin }}", .unsupported, "the test 'strin' is unknown; did you mean 'string'?"),
      ("a\n\n{{ x.y.z }}", .invalidValue, "line 3: 'x' is undefined"),
      ("{{ 'a' + 1 }}", .invalidValue, "a string + a whole number has no meaning"),
      ("{{ 1 < 'a' }}", .invalidValue, "have no order"),
      ("{{ 1 // 0 }}", .invalidValue, "division by 0"),
      ("{{ 9223372036854775807 + 1 }}", .unsupported, "beyond 64 bits"),
      ("{{ -(-9223372036854775807 - 1) }}", .unsupported, "beyond 64 bits"),
      ("{{ (-9223372036854775807 - 1) // -1 }}", .unsupported, "beyond 64 bits"),
      ("{{ 2 ** 64 }}", .unsupported, "beyond 64 bits"),
      ("{{ [].append(1) }}", .invalidValue, "cannot change"),
      ("{{ {}.update({}) }}", .invalidValue, "cannot change"),
      ("{% set x.y = 1 %}", .invalidValue, "expected a namespace"),
      ("{{ strftime_now('%999999d') }}", .invalidValue, "is no form of a date"),
      ("{{ raise_exception('no\nway') }}", .invalidValue, "the template refuses this: no"),
      ("{% for x in 5 %}{% endfor %}", .invalidValue, "for: found a whole number, expected a list"),
      ("{{ {[]: 1} }}", .invalidValue, "cannot be a key"),
      ("{{ 'a'.split('') }}", .invalidValue, "empty"),
      ("{{ range(0, 9, 0) }}", .invalidValue, "the step is 0"),
      ("{{ 'a'[::0] }}", .invalidValue, "is 0"),
      (
        "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", .invalidValue,
        "f: found 2 arguments, expected at most 1"
      ),
      ("{{ '%d' % 'a' }}", .invalidValue, "takes a number"),
      ("{{ '{'.format(1) }}", .invalidValue, "without '}'"),
      ("{{ {1: x}['a']['b'] }}", .invalidValue, "has no attribute 'a'"),
    ] as [(String, InputError.Code, String)])
  func mistakesAreNamed(source: String, code: InputError.Code, message: String) {
    expectInputError(code, mentioning: ["t.jinja", message]) { try render(source) }
  }
}
