import JSONText

/// `quantization` of a checkpoint of MLX, as mlx-lm reads it: bits and groups of all modules, and of some by their names.
struct RowDescription {
  private let usual: LayerScheme
  /// By what mlx-lm calls modules; nil for those that stay as they are.
  private var entries: [String: LayerScheme?] = [:]
  private static let key = "quantization"

  /// Whether it is MLX that a configuration speaks of.
  static func isMeant(by configuration: JSONValue) -> Bool {
    let copy = configuration["quantization_config"]
    guard let fields = configuration[key] ?? copy, fields["bits"] != nil else { return false }
    return fields["group_size"] != nil && copy?["quant_method"] == nil
  }

  init?(_ configuration: JSONValue, _ report: inout VerificationReport) {
    let place = "config.json: \(Self.key)"
    let copy = configuration["quantization_config"]
    if configuration[Self.key] == nil {
      report.add(
        .contract, place, "is missing; mlx-lm reads it in the place of quantization_config")
    }
    guard let fields = configuration[Self.key] ?? copy else { return nil }
    if let copy, copy != fields {
      report.add(.contract, "config.json: quantization_config", "differs from \(Self.key)")
    }
    guard let usual = Self.scheme(fields, place, &report) else { return nil }
    self.usual = usual
    for member in fields.objectValue ?? [] {
      if member.value.objectValue != nil {
        guard let scheme = Self.scheme(member.value, "\(place).\(member.key)", &report) else {
          return nil
        }
        entries[member.key] = scheme
      } else if let isQuantized = member.value.boolValue {
        entries.updateValue(isQuantized ? usual : nil, forKey: member.key)
      }
    }
  }

  /// What is said of a module that has scales; nil if it is to stay as it is.
  func scheme(of module: String) -> LayerScheme? {
    if let entry = entries[module] { return entry }
    return usual
  }

  /// The modules that are said to be quantized, by name.
  var named: [String] { entries.filter { $0.value != nil }.keys.sorted() }

  private static func scheme(
    _ fields: JSONValue, _ place: String, _ report: inout VerificationReport
  ) -> LayerScheme? {
    // Quantized modules are made with 4 bits and groups of 64 where nothing else is said.
    let (width, size) = (fields["bits"] ?? 4, fields["group_size"] ?? 64)
    func refuse(_ key: String, _ found: JSONValue, _ expected: String) {
      report.add(
        .contract, "\(place).\(key)", "found \(found.text()), expected \(expected)")
    }
    if let mode = fields["mode"], mode != "affine" {
      refuse("mode", mode, "\"affine\"; others are not checked")
      return nil
    }
    guard let bitCount = width.intValue, (2...8).contains(bitCount), bitCount != 7 else {
      refuse("bits", width, "2, 3, 4, 5, 6 or 8")
      return nil
    }
    guard let columns = size.intValue, [32, 64, 128].contains(columns) else {
      refuse("group_size", size, "32, 64 or 128")
      return nil
    }
    return LayerScheme(
      group: place, targets: [], format: .rows, bitCount: bitCount, type: "int", strategy: "group",
      isSymmetric: true, groupSize: columns, block: [], inputs: nil)
  }
}

/// Unsigned integers as one ``CodeStream`` in the words of each row, without padding.
struct RowIntegers: StoredRows {
  let suffix = "weight"

  func size(of shape: [Int], _ scheme: LayerScheme) -> [Int]? {
    let (bitCount, overflows) = shape[1].multipliedReportingOverflow(by: 32)
    guard !overflows, bitCount % scheme.bitCount == 0 else { return nil }
    return [shape[0], bitCount / scheme.bitCount]
  }

  func expected(_ layer: StoredLayer) -> ExpectedTensor {
    ExpectedTensor(
      suffix: suffix, dtypes: ["U32"],
      shape: [layer.rows, layer.columns * layer.scheme.bitCount / 32])
  }

  func read(
    _ row: UnsafeRawBufferPointer, _ layer: StoredLayer, into target: UnsafeMutablePointer<Float>
  ) {
    CodeStream.unpack(row, bitCount: layer.scheme.bitCount, layer.columns, into: target)
  }
}
