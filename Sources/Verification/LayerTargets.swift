import Diagnostics
import Foundation

/// The targets of all groups, and the groups that runtimes find for a layer by them.
struct LayerTargets {
  private struct Target {
    let text: String
    /// Nil for names of modules and classes.
    let expression: NSRegularExpression?
    var group: Int
  }

  /// In the order of the file. A target that comes again has the first one's place and the last one's
  /// group, as in a dictionary of Python.
  private var targets: [Target] = []
  private var positions: [String: Int] = [:]
  private let limit: MatchLimit

  init(_ limit: MatchLimit) { self.limit = limit }

  mutating func add(
    _ texts: [String], group: Int, _ place: String, _ report: inout VerificationReport
  ) {
    for text in texts {
      if let position = positions[text] {
        targets[position].group = group
        continue
      }
      var expression: NSRegularExpression?
      if text.hasPrefix("re:") {
        expression = NamePatterns.expression(text, place, &report)
        if expression == nil { continue }
      }
      positions[text] = targets.count
      targets.append(Target(text: text, expression: expression, group: group))
    }
  }

  /// The group that compressed-tensors finds, and transformers with it: by the name, by the first pattern in
  /// alphabetical order, by the class.
  func inTransformers(_ module: String) -> Int? {
    if let position = positions[module], targets[position].expression == nil {
      return targets[position].group
    }
    let pattern = matching(module).min { $0.text < $1.text }
    return pattern?.group ?? ofClass
  }

  /// The group that vLLM finds: by the first name or pattern in the order of the file, by the class, and for
  /// layers that it runs as one, which have a name of their own, by the name of the first of them.
  func inVLLM(_ module: String, parts: [String] = []) -> Int? {
    byOrder(module) ?? ofClass ?? parts.first.flatMap(byOrder)
  }

  private func byOrder(_ module: String) -> Int? {
    let name = positions[module].flatMap { targets[$0].expression == nil ? $0 : nil }
    let end = name ?? targets.count
    for target in targets[..<end] {
      if let expression = target.expression, limit.matches(expression, module) {
        return target.group
      }
    }
    return name.map { targets[$0].group }
  }

  private func matching(_ module: String) -> [Target] {
    targets.filter { target in target.expression.map { limit.matches($0, module) } ?? false }
  }

  private var ofClass: Int? { positions[NamePatterns.linear].map { targets[$0].group } }
}
