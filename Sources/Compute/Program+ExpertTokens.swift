package import Recordings

extension Program {
  /// Whether it has experts that tokens choose from.
  package var hasExperts: Bool {
    recording.nodes.contains { node in
      if case .routing = node.operation { true } else { false }
    }
  }

  /// Counts the tokens that have chosen each expert.
  func countTokens(_ step: Step) {
    guard case .routing(let router) = step.node.operation else { return }
    let plan = step.node.outputs[1]
    let rows = self.plan(plan)
    var counts = expertTokens?[plan] ?? Array(repeating: 0, count: router.experts)
    for expert in rows.experts where expert >= 0 { counts[Int(expert)] += 1 }
    expertTokens?[plan] = counts
  }

  /// The tokens that a part of a matrix has met, of those that were counted; nil for one that belongs to no expert.
  package func tokens(reaching part: BoundPart, of counted: [Value: [Int]]) -> Int? {
    let node = recording.nodes.first {
      $0.operation == .groupedLinear && $0.parameters.first == part.parameter
    }
    guard let node, let counts = counted[node.reads[0]] else { return nil }
    let rows = recording.parameters[part.parameter.index].rows
    return counts[part.rowOffset / (rows / counts.count)]
  }
}
