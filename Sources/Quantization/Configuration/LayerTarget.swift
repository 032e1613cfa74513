import Diagnostics

/// A target of a group, with the linear layers that it matches.
///
/// Of several targets that match a layer, a full name wins over patterns and patterns over class names;
/// among equals the first in alphabetical order wins, and of the same target in two groups the later
/// group: what compressed-tensors does. In a recipe, a pattern that matches only a part of the layers of
/// another wins over it, since it would else mean nothing.
struct LayerTarget {
  let text: String
  /// The position of its group.
  let group: Int
  /// The layers, by their positions, and as what it matches each.
  let layers: [Int: ModuleMatcher.Kind]

  init(
    _ matcher: ModuleMatcher, group: Int, among linears: [ModuleDescription]
  ) throws(InputError) {
    text = matcher.text
    self.group = group
    var layers: [Int: ModuleMatcher.Kind] = [:]
    for (index, module) in linears.enumerated() { layers[index] = try matcher.match(module) }
    self.layers = layers
  }

  /// Whether this is a pattern that matches some of the layers of another, and no others.
  func isNarrower(than other: LayerTarget) -> Bool {
    guard isPattern, other.isPattern, layers.count < other.layers.count else { return false }
    return layers.keys.allSatisfy { other.layers[$0] != nil }
  }

  private var isPattern: Bool { text.hasPrefix("re:") }
}

/// All targets, and which of them wins a layer.
struct TargetContest {
  private let targets: [LayerTarget]
  /// The targets that match each layer, by the position of the layer.
  private let candidates: [Int: [Int]]
  /// The pairs of targets whose first is narrower than the second.
  private let narrower: Set<[Int]>

  init(_ targets: [LayerTarget], prefersNarrower: Bool) {
    self.targets = targets
    var candidates: [Int: [Int]] = [:]
    var narrower: Set<[Int]> = []
    for (index, target) in targets.enumerated() {
      for layer in target.layers.keys { candidates[layer, default: []].append(index) }
      guard prefersNarrower else { continue }
      for (other, wider) in targets.enumerated() where target.isNarrower(than: wider) {
        narrower.insert([index, other])
      }
    }
    (self.candidates, self.narrower) = (candidates, narrower)
  }

  /// The target that gives a layer its scheme; nil if none matches it.
  func winner(of layer: Int) -> Int? {
    let matching = candidates[layer] ?? []
    return first(
      matching.filter { one in !matching.contains { narrower.contains([$0, one]) } }, layer)
  }

  /// The first by kind, alphabet and group.
  private func first(_ indices: [Int], _ layer: Int) -> Int? {
    indices.min { one, other in
      let (a, b) = (targets[one], targets[other])
      if let kind = a.layers[layer], let otherKind = b.layers[layer], kind != otherKind {
        return kind < otherKind
      }
      return a.text == b.text ? a.group > b.group : a.text < b.text
    }
  }

  /// What is worth a warning.
  ///
  /// - Parameters:
  ///   - names: Those of the groups.
  ///   - winners: The target that wins each layer.
  ///   - used: Targets that win a layer that no entry of ignore matches.
  func remarks(names: [String], winners: [Int?], used: Set<Int>) -> [String] {
    func described(_ index: Int) -> String {
      "\(quoted(targets[index].text)) of \(quoted(names[targets[index].group]))"
    }
    var remarks: [String] = []
    for (group, name) in names.enumerated() {
      let own = targets.indices.filter { targets[$0].group == group }
      let lost = own.filter { !used.contains($0) }
      for index in lost {
        let rivals = Set(targets[index].layers.keys.compactMap { winners[$0] }).subtracting([index])
        let what =
          lost.count == own.count
          ? "group \(quoted(name)) gives no layer its scheme"
          : "\(described(index)) gives no layer its scheme"
        remarks.append(
          rivals.min().map { "\(what): \(described($0)) goes before it" }
            ?? "\(what): ignore lists all that it matches")
        // One line says all of a group that has nothing.
        if lost.count == own.count { break }
      }
    }
    for index in used.sorted() {
      let rivals = targets[index].layers.keys.filter { winners[$0] == index }
        .compactMap { first(candidates[$0] ?? [], $0) }.filter { $0 != index }
      if let rival = rivals.min() {
        remarks.append(
          "\(described(index)) goes before \(described(rival)), which matches other layers too; "
            + "LLM Compressor would take \(quoted(targets[rival].text)), the first in the alphabet")
      }
    }
    return remarks
  }
}
