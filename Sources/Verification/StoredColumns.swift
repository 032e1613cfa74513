import Tensors

/// How GPTQ, AWQ and auto_round store a layer: words whose rows are inputs, or groups of them, and whose columns are
/// outputs. Beside the integers are zero points and scales, whatever the scheme.
struct StoredColumns: StoredElements {
  /// Whether a word holds eight neighbouring outputs, in the order of AWQ's kernels, and not integers of one output.
  let isInterleaved: Bool
  /// What is to be added to stored zero points.
  let zeroOffset: Int
  /// Whether the group of each input is stored too.
  let hasGroups: Bool

  let suffix = "qweight"

  /// The formats, by the name that their configuration has for them.
  static let formats: [String: StoredFormat] = [
    "gptq": .init("gptq", StoredColumns(isInterleaved: false, zeroOffset: 1, hasGroups: true)),
    "gptq_v2": .init(
      "gptq_v2", StoredColumns(isInterleaved: false, zeroOffset: 0, hasGroups: true)),
    "gemm": .init("awq", StoredColumns(isInterleaved: true, zeroOffset: 0, hasGroups: false)),
    "auto_round:auto_gptq": .init(
      "auto_round:auto_gptq",
      StoredColumns(isInterleaved: false, zeroOffset: 1, hasGroups: false)),
    "auto_round:gptqmodel": .init(
      "auto_round:auto_gptq",
      StoredColumns(isInterleaved: false, zeroOffset: 1, hasGroups: false)),
    "auto_round:auto_awq": .init(
      "auto_round:auto_awq", StoredColumns(isInterleaved: true, zeroOffset: 0, hasGroups: false)),
    "auto_round": .init(
      "auto_round", StoredColumns(isInterleaved: false, zeroOffset: 0, hasGroups: false)),
  ]

  /// What the names of a layer's tensors end with.
  static let suffixes: Set = ["qweight", "qzeros", "scales", "g_idx"]

  /// Where each of eight neighbours stands in its word of AWQ, counted in fields of four bits.
  private static let places = [0, 4, 1, 5, 2, 6, 3, 7]

  func size(of shape: [Int], _ scheme: LayerScheme) -> [Int]? {
    if isInterleaved {
      let (rows, overflow) = shape[1].multipliedReportingOverflow(by: 8)
      return overflow ? nil : [rows, shape[0]]
    }
    let (bits, overflow) = shape[0].multipliedReportingOverflow(by: 32)
    guard !overflow, bits % scheme.bitCount == 0 else { return nil }
    return [shape[1], bits / scheme.bitCount]
  }

  func elementsInWholeWords(of scheme: LayerScheme) -> Int? {
    isInterleaved ? 8 : 32 >> scheme.bitCount.trailingZeroBitCount
  }

  func expected(_ layer: StoredLayer) -> ExpectedTensor {
    ExpectedTensor(
      suffix: suffix, dtypes: ["I32"],
      shape: isInterleaved
        ? [layer.columns, layer.rows / 8]
        : [layer.columns * layer.scheme.bitCount / 32, layer.rows])
  }

  /// Zero points, scales and groups.
  func others(_ layer: StoredLayer) -> [ExpectedTensor] {
    let groups = layer.scaleShape?.last
    let scales = ExpectedTensor(
      suffix: "scales", dtypes: ["F16", "BF16", "F32"], shape: groups.map { [$0, layer.rows] }
    ) { $0.scaleFault(refusingZero: true) }
    let bitCount = layer.scheme.bitCount
    let words = isInterleaved ? layer.rows / 8 : (layer.rows * bitCount + 31) / 32
    let zeros = ExpectedTensor(
      suffix: "qzeros", dtypes: ["I32"], shape: groups.map { [$0, words] }
    ) { faultOfZeros($0, layer) }
    return [scales, zeros] + (hasGroups ? [groupsOfInputs(layer)] : [])
  }

  private func faultOfZeros(_ stored: StoredTensor, _ layer: StoredLayer) -> String? {
    let (bitCount, isSymmetric) = (layer.scheme.bitCount, layer.scheme.isSymmetric)
    let (middle, greatest) = (1 << (bitCount - 1), (1 << bitCount) - 1)
    let found = zeroPoints(stored, layer)
    for (index, zero) in found.enumerated() {
      // The sum of a field that is all ones has no place in it, and loaders carry it over to the next one.
      let isSound = isSymmetric ? zero == middle : zero <= greatest
      if isSound { continue }
      let groups = stored.shape[0]
      return
        "the zero point of output \(index / groups), group \(index % groups) is \(zero), expected "
        + (isSymmetric ? "\(middle) for symmetric integers" : "at most \(greatest)")
    }
    let padding = stored.shape[1] * 32 - layer.rows * bitCount
    guard !isInterleaved, padding > 0 else { return nil }
    let words = stored.shape[1]
    let dirty = stored.withBytes { bytes in
      (0..<stored.shape[0]).first {
        CodeStream.word(bytes, $0 * words + words - 1) >> UInt32(32 - padding) != 0
      }
    }
    return dirty.map { "row \($0) has bits set after its last zero point" }
  }

  private func groupsOfInputs(_ layer: StoredLayer) -> ExpectedTensor {
    let size = layer.block.columns
    return ExpectedTensor(suffix: "g_idx", dtypes: ["I32"], shape: [layer.columns]) { stored in
      let bad = stored.withBytes { bytes in
        (0..<layer.columns).first { Int(CodeStream.word(bytes, $0)) != $0 / size }
      }
      return bad.map {
        "input \($0) is not in group \($0 / size): other orders than that of the inputs (desc_act) are not read"
      }
    }
  }

  /// The zero points of groups, those of an output side by side.
  private func zeroPoints(_ stored: StoredTensor, _ layer: StoredLayer) -> [Int] {
    let (groups, words) = (stored.shape[0], stored.shape[1])
    return stored.withBytes { bytes in
      (0..<layer.rows * groups).map { index in
        let (output, start) = (index / groups, index % groups * words)
        let code =
          isInterleaved
          ? Self.interleaved(bytes, start + output / 8, output % 8)
          : CodeStream.code(bytes, output, bitCount: layer.scheme.bitCount) { start + $0 }
        return code + zeroOffset
      }
    }
  }

  private static func interleaved(
    _ bytes: UnsafeRawBufferPointer, _ word: Int, _ neighbour: Int
  ) -> Int {
    Int(CodeStream.word(bytes, word) >> UInt32(4 * places[neighbour]) & 15)
  }

  /// Zero points counted like elements, and scales, both in the order of outputs.
  func parameters(
    zeros: StoredTensor, scales: StoredTensor, _ layer: StoredLayer
  ) -> (zeros: [Float], scales: [Float])? {
    guard let stored = scales.floats else { return nil }
    let (groups, rows) = (scales.shape[0], layer.rows)
    let half = 1 << (layer.scheme.bitCount - 1)
    return (
      zeroPoints(zeros, layer).map { Float($0 - half) },
      (0..<rows * groups).map { stored[$0 % groups * rows + $0 / groups] }
    )
  }

  func read(
    row: Int, of weight: StoredTensor, _ layer: StoredLayer,
    into target: UnsafeMutablePointer<Float>
  ) {
    let (width, bitCount) = (weight.shape[1], layer.scheme.bitCount)
    let half = 1 << (bitCount - 1)
    weight.file.storage.withBytes(in: weight.entry.range) { bytes in
      for column in 0..<layer.columns {
        let code =
          isInterleaved
          ? Self.interleaved(bytes, column * width + row / 8, row % 8)
          : CodeStream.code(bytes, column, bitCount: bitCount) { $0 * width + row }
        target[column] = Float(code - half)
      }
    }
  }

  /// Rows of the weight are no rows of the tensor; pages go when all of it is done.
  func drop(_ rows: Range<Int>, of weight: StoredTensor, _ layer: StoredLayer) {
    if rows.count == layer.rows { weight.withBytes { _ in } }
  }
}
