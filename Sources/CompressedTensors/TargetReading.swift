import Quantization

/// What two readers make of the targets of a checkpoint's groups.
///
/// compressed-tensors looks for a full name, then for the first pattern in alphabetical order, then for a
/// class. vLLM takes the first name or pattern in the order of the file, then a class, and knows layers that
/// it runs as one by a name of its own; only if nothing matches that, it looks for their own names.
struct TargetReading {
  private var targets: [(matcher: ModuleMatcher, group: Int)] = []

  /// Nil if a target is a pattern that cannot be read.
  init?(_ groups: [[String]]) {
    var positions: [String: Int] = [:]
    for (group, texts) in groups.enumerated() {
      for text in texts {
        // The same target again has the first one's place and the last one's meaning.
        if let position = positions[text] {
          targets[position].group = group
          continue
        }
        guard let matcher = try? ModuleMatcher(text) else { return nil }
        positions[text] = targets.count
        targets.append((matcher, group))
      }
    }
  }

  /// Whether both readers find these groups for the layers.
  func isAlike(_ groups: [String: Int]) -> Bool {
    let isEachAlike = groups.allSatisfy { name, group in
      byCompressedTensors(name) == group && byVLLM(name, parts: []) == group
    }
    return isEachAlike && SiblingLayers.families.allSatisfy { isAlike(groups, $0.fused, $0.parts) }
  }

  /// Whether vLLM finds the group of layers that it runs as one, wherever all of them have the same.
  private func isAlike(_ groups: [String: Int], _ fused: String, _ parts: [String]) -> Bool {
    groups.allSatisfy { name, group in
      guard name.hasSuffix("." + parts[0]) else { return true }
      let stem = String(name.dropLast(parts[0].count))
      let names = parts.map { stem + $0 }
      guard names.allSatisfy({ groups[$0] == group }) else { return true }
      return byVLLM(stem + fused, parts: names) == group
    }
  }

  private func kind(_ index: Int, _ name: String) -> ModuleMatcher.Kind? {
    (try? targets[index].matcher.match(ModuleDescription(name: name, shape: []))) ?? nil
  }

  private func byCompressedTensors(_ name: String) -> Int? {
    let matching = targets.indices.compactMap { index in
      kind(index, name).map { (kind: $0, target: targets[index]) }
    }
    return matching.min { a, b in
      (a.kind.rawValue, a.target.matcher.text) < (b.kind.rawValue, b.target.matcher.text)
    }?.target.group
  }

  private func byVLLM(_ name: String, parts: [String]) -> Int? {
    func first(_ name: String, isClass: Bool) -> Int? {
      targets.indices.first { kind($0, name).map { ($0 == .className) == isClass } ?? false }
        .map { targets[$0].group }
    }
    return first(name, isClass: false) ?? first(name, isClass: true)
      ?? parts.first.flatMap { first($0, isClass: false) }
  }
}
