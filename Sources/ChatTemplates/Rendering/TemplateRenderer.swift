import Diagnostics
import JSONText

/// Runs the statements of one template once, within bounds.
///
/// Work is counted in bytes of text that is made; a step of the template counts as ``stepCost`` of them. So neither
/// time nor memory can grow without end, whatever the template says.
final class TemplateRenderer {
  private let limits: TemplateLimits
  private var work = 0
  private var workLimit: Int
  private var outputByteCountLimit: Int
  private var nesting = 0
  private(set) var output = ""
  /// The line that is run.
  var line = 1
  let globals: TemplateScope
  let clock: TemplateClock
  /// All namespaces and macros, so that those which hold each other are let go in the end.
  private var namespaces: [TemplateNamespace] = []
  private var macros: [TemplateMacro] = []

  private static let stepCost = 16
  /// Most lists and mappings in one another; a JSON document has at most 256.
  private static let valueDepthLimit = 300

  init(
    _ variables: [(name: String, value: JSONValue)], _ limits: TemplateLimits,
    _ clock: TemplateClock
  ) {
    self.limits = limits
    self.clock = clock
    globals = TemplateScope(in: nil)
    globals.values = TemplateFunction.globals()
    for (name, value) in variables { globals.values[name] = TemplateValue(value) }
    let byteCount = variables.reduce(0) { $0 + $1.value.text().utf8.count }
    workLimit = limits.work.addingClamped(byteCount.multipliedClamped(by: 64))
    outputByteCountLimit = limits.outputByteCount.addingClamped(byteCount.multipliedClamped(by: 8))
  }

  func render(_ nodes: [TemplateNode]) throws -> String {
    defer {
      for namespace in namespaces { namespace.members = TemplateMapping() }
      for macro in macros { macro.scope = nil }
      globals.values = [:]
    }
    try run(nodes, TemplateScope(in: globals))
    return output
  }

  // MARK: Limits

  func failure(_ message: String, _ code: InputError.Code = .invalidValue) -> InputError {
    .template(code, line: line, message)
  }

  /// Counts a step, and as many bytes of text.
  func spend(_ byteCount: Int = 0) throws {
    let (sum, overflow) = work.addingReportingOverflow(byteCount)
    guard !overflow, byteCount >= 0, sum <= workLimit - Self.stepCost else {
      throw failure("takes too many steps; expected a template that ends", .unsupported)
    }
    work = sum + Self.stepCost
  }

  /// Counts what looking for a key takes.
  func spend(on key: TemplateValue) throws {
    switch key {
    case .string(let text), .wideInteger(let text): try spend(text.utf8.count)
    default: try spend()
    }
  }

  /// Runs what may contain its like.
  func nested<Result>(_ run: () throws -> Result) throws -> Result {
    guard nesting < limits.nesting else {
      throw failure("is nested more than \(limits.nesting) levels deep", .unsupported)
    }
    nesting += 1
    defer { nesting -= 1 }
    return try run()
  }

  func list(_ elements: [TemplateValue], _ kind: TemplateList.Kind = .list) throws -> TemplateValue
  {
    try spend(elements.count * 8)
    return try bounded(.list(TemplateList(elements, kind)))
  }

  func bounded(_ value: TemplateValue) throws -> TemplateValue {
    guard value.depth <= Self.valueDepthLimit else {
      throw failure("makes lists in lists without end", .unsupported)
    }
    return value
  }

  func string(_ text: String) throws -> TemplateValue {
    try spend(text.utf8.count)
    return .string(text)
  }

  /// Adds to a text that is being made, which is counted before it grows.
  func append(_ piece: String, to text: inout String) throws {
    try spend(piece.utf8.count)
    text += piece
  }

  func namespace(_ members: TemplateMapping) -> TemplateValue {
    let namespace = TemplateNamespace(members)
    namespaces.append(namespace)
    return .namespace(namespace)
  }

  func macro(_ definition: MacroDefinition, _ scope: TemplateScope) -> TemplateValue {
    let macro = TemplateMacro(definition, scope)
    macros.append(macro)
    return .macro(macro)
  }

  // MARK: Output

  func put(_ text: String) throws {
    try spend(text.utf8.count)
    output += text
    guard output.utf8.count <= outputByteCountLimit else {
      throw failure("makes more than \(outputByteCountLimit) bytes of text", .unsupported)
    }
  }

  /// What `body` puts out, instead of it being put out.
  func captured(_ body: () throws -> Void) throws -> String {
    let outside = output
    output = ""
    try body()
    defer { output = outside }
    return output
  }
}

extension Int {
  fileprivate func addingClamped(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  func multipliedClamped(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
