/// The tensors of one quantized layer against its scheme.
struct LayerCheck {
  let module: String
  let scheme: LayerScheme
  /// By what their names end with after the module's.
  let tensors: [String: StoredTensor]
  /// Rows and columns, if something else than ``StoredElements`` tells them.
  var size: [Int]?

  /// Checks everything and gives `[rows, columns]`; nil if that cannot be known.
  func run(_ report: inout VerificationReport) -> [Int]? {
    guard let shape = shape(&report) else { return nil }
    let layer = StoredLayer(scheme: scheme, rows: shape[0], columns: shape[1])
    let expected = scheme.format.expected(layer)
    if layer.scaleShape == nil {
      report.add(
        .contract, module, "its group has strategy \(scheme.strategy) without the sizes it needs")
    }
    for part in expected where part.shape != nil {
      if let tensor = tensor(part, &report), let fault = part.fault(tensor) {
        report.add(.damage, tensor.name, fault)
      }
    }
    let known = expected.map(\.suffix)
    for suffix in tensors.keys.sorted()
    where !known.contains(suffix)
      && (suffix.hasPrefix("weight") || StoredColumns.suffixes.contains(suffix))
    {
      report.add(
        .damage, "\(module).\(suffix)",
        "does not belong to a layer stored as \(scheme.format.name)")
    }
    return shape
  }

  private func shape(_ report: inout VerificationReport) -> [Int]? {
    if let size { return size }
    let elements = scheme.format.elements
    guard let record = elements.sizeRecord else {
      guard let weight = tensors[elements.suffix] else {
        report.add(.damage, "\(module).\(elements.suffix)", "is missing")
        return nil
      }
      guard weight.shape.count == 2, weight.shape.allSatisfy({ $0 > 0 }) else {
        report.add(.damage, weight.name, "is \(weight.kind), expected rows and columns")
        return nil
      }
      guard let size = elements.size(of: weight.shape, scheme) else {
        report.add(
          .damage, weight.name,
          "is \(weight.kind), which is no whole number of \(scheme.bitCount)-bit integers")
        return nil
      }
      return size
    }
    guard let stored = tensor(record, &report) else { return nil }
    let sizes = stored.withBytes { bytes in
      (0..<2).map { bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self) }
    }
    guard sizes.allSatisfy({ $0 > 0 && $0 < 1 << 31 }) else {
      report.add(.damage, stored.name, "is \(sizes), expected two sizes")
      return nil
    }
    return sizes.map { Int($0) }
  }

  /// The tensor if it is there, and its type and shape are as expected.
  private func tensor(
    _ expected: ExpectedTensor, _ report: inout VerificationReport
  ) -> StoredTensor? {
    guard let found = tensors[expected.suffix] else {
      report.add(.damage, "\(module).\(expected.suffix)", "is missing")
      return nil
    }
    guard let shape = expected.shape, !expected.isMet(found.dtype, found.shape) else {
      return found
    }
    report.add(
      .damage, found.name,
      "is \(found.kind), expected \(expected.dtypes.joined(separator: " or ")) \(shape)")
    return nil
  }
}
