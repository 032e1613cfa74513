import JSONText
import LanguageModels
import ModelFamilies

/// Every tensor of a source against a checkpoint made from it: there bit for bit, or quantized from it.
struct SourceLedger {
  let source: [String: SourceTensor]
  let tensors: [String: StoredTensor]
  /// Layers that the source has in other tensors than their own, by these.
  let parts: [String: [LayerTensor]]
  /// The quantized layers with their rows and columns.
  let quantized: [String: (shape: [Int], scheme: LayerScheme)]
  /// What tuning can have moved weights.
  let reach: TuningReach

  /// - Parameters:
  ///   - configuration: That of the checkpoint.
  ///   - original: The source's tensors.
  init(
    _ configuration: JSONValue, source original: SourceTensors, tensors: [String: StoredTensor],
    quantized: [String: (shape: [Int], scheme: LayerScheme)], reach: TuningReach
  ) {
    (source, self.tensors) = (original.tensors, tensors)
    (self.quantized, self.reach) = (quantized, reach)
    let layers = Architectures.layerTensors(
      JSONReader(configuration), shapes: original.tensors.mapValues(\.shape))
    parts = Dictionary(
      grouping: layers.filter { layer in
        // What is quantized already has a row for each output.
        !layer.isApart
          && (layer.stored.tensor != layer.name
            || original.tensors[layer.name]?.hasRowForEachOutput != true)
      }, by: \.stored.tensor)
  }

  func run(_ report: inout VerificationReport) {
    for (name, original) in source.sorted(by: { $0.key < $1.key }) {
      let module = name.hasSuffix(".weight") ? String(name.dropLast(7)) : ""
      if let parts = parts[name], parts.contains(where: isApart) {
        compare(parts, with: original, &report)
      } else if let layer = quantized[module] {
        guard original.shape == layer.shape else {
          report.add(
            .damage, name, "stands for shape \(layer.shape); the source has \(original.shape)")
          continue
        }
        compare(module, layer.scheme, original, StridedPart(whole: layer.shape), &report)
      } else if let copy = tensors[name] {
        guard copy.dtype == original.dtype, copy.shape == original.shape else {
          report.add(.damage, name, "is \(copy.kind); the source has \(original.kind)")
          continue
        }
        if !original.isSame(as: copy) {
          report.add(.damage, name, "differs from the source, of which it is a copy")
        }
      } else {
        report.add(.damage, name, "is in the source and neither copied nor quantized")
      }
    }
    let parts = Set(parts.values.joined().map(\.name))
    func isFromSource(_ name: String) -> Bool { source[name] != nil || parts.contains(name) }
    for module in quantized.keys.sorted() where !isFromSource("\(module).weight") {
      report.add(.damage, module, "is quantized and has no weight in the source")
    }
    for name in tensors.keys.sorted() where !isFromSource(name) {
      let suffix = name.split(separator: ".").last ?? ""
      let module = String(name.dropLast(suffix.count + 1))
      let isPart =
        suffix.hasPrefix("weight") || StoredColumns.suffixes.contains(String(suffix))
        || ["input_scale", "input_global_scale", StoredScales.biases].contains(String(suffix))
      if quantized[module] != nil && isPart || ["k_scale", "v_scale"].contains(suffix) { continue }
      report.add(.damage, name, "is neither in the source nor part of a quantized layer")
    }
  }

  /// Whether the checkpoint has a layer's weight or bias as tensors of their own.
  private func isApart(_ part: LayerTensor) -> Bool {
    part.name.hasSuffix(".weight") && quantized[part.layer] != nil
      || part.name != part.stored.tensor && tensors[part.name] != nil
  }

  /// Compares what has become of the parts of a tensor with them.
  private func compare(
    _ parts: [LayerTensor], with original: SourceTensor, _ report: inout VerificationReport
  ) {
    for part in parts {
      // The pages of an expert go as soon as a part of it is compared.
      defer {
        if case .member(let index, _) = part.stored.steps.first, index < original.shape[0] {
          original.drop(rows: index..<index + 1)
        }
      }
      guard let place = StridedPart(part.stored, shape: part.shape, in: original.shape) else {
        report.add(
          .damage, original.name,
          "is \(original.kind), of which no part is \(part.name) \(part.shape)")
        continue
      }
      if part.name.hasSuffix(".weight"), let layer = quantized[part.layer] {
        guard layer.shape == part.shape else {
          report.add(
            .damage, part.name, "stands for shape \(layer.shape), expected \(part.shape)")
          continue
        }
        compare(part.layer, layer.scheme, original, place, &report)
      } else if let copy = tensors[part.name] {
        guard copy.dtype == original.dtype, copy.shape == part.shape else {
          report.add(
            .damage, part.name, "is \(copy.kind), expected \(original.dtype) \(part.shape)")
          continue
        }
        if !original.isSame(as: copy, at: place) {
          report.add(.damage, part.name, "differs from the source, of which it is a copy")
        }
      } else {
        report.add(.damage, part.name, "is in the source and neither copied nor quantized")
      }
    }
    // Lets go of the memory that reading rows has taken.
    original.drop(rows: 0..<(original.shape.first ?? 0))
  }

  /// Compares quantized weights with those that they were made from, group by group.
  private func compare(
    _ module: String, _ scheme: LayerScheme, _ original: SourceTensor, _ place: StridedPart,
    _ report: inout VerificationReport
  ) {
    guard let shape = quantized[module]?.shape, shape.count == 2,
      let weight = StoredWeight(module, scheme, shape, tensors)
    else { return }
    // The system maps pages around those that are read: of parts that are done, too.
    let isWhole = original.shape == shape
    defer {
      weight.drop(rows: 0..<weight.rows)
      if isWhole { original.drop(rows: 0..<weight.rows) }
    }
    let (groups, reach) = (weight.columnGroups, reach.units(bitCount: scheme.bitCount))
    let parts = min(weight.rows, 64)
    let found = concurrently(parts) { part in
      let rows = weight.rows * part / parts..<weight.rows * (part + 1) / parts
      defer {
        weight.drop(rows: rows)
        if isWhole { original.drop(rows: rows) }
      }
      return withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * weight.columns) { memory in
        rows.lazy.compactMap {
          message(weight, $0, groups, original, place, reach: reach, using: memory)
        }.first
      }
    }
    guard let first = found.lazy.compactMap({ $0 }).first else { return }
    report.add(
      .damage, "\(module).weight",
      "\(first); the weights, their scale or their zero point are wrong")
  }

  /// What is wrong with a row; nil for a sound one.
  ///
  /// - Parameter memory: Room for the row's weights and elements.
  private func message(
    _ weight: StoredWeight, _ row: Int, _ groups: [Range<Int>], _ original: SourceTensor,
    _ place: StridedPart, reach: Double, using memory: UnsafeMutableBufferPointer<Float>
  ) -> String? {
    let count = weight.columns
    let wanted = UnsafeMutableBufferPointer(rebasing: memory[..<count])
    let elements = UnsafeMutableBufferPointer(rebasing: memory[count...])
    guard let first = wanted.baseAddress, let second = elements.baseAddress,
      original.read(
        from: place.start(ofRow: row), by: place.columnStride, count: count, into: first)
    else { return nil }
    weight.read(row: row, into: second)
    for (number, columns) in groups.enumerated() {
      let group = GroupError(
        wanted: UnsafeBufferPointer(rebasing: wanted[columns]),
        elements: UnsafeBufferPointer(rebasing: elements[columns]),
        scale: weight.scale(row, number), zero: weight.zero(row, number), reach: reach)
      if let message = group.message(weight.grid) {
        return "row \(row), group \(number): \(message)"
      }
    }
    return nil
  }
}
