import Diagnostics
import Verification

extension RunPlan {
  /// The plan as lines for people, with tables that fit into a terminal of this width.
  package func lines(width: Int? = nil) -> [String] {
    var lines =
      ["\(model)  \(architecture)"] + (sourceStorage.map { ["source     \($0)"] } ?? [])
      + ["scheme     \(scheme)", ""]
    for table in [layerTable, keptTable, fileTable] { lines += table.lines(width: width) + [""] }
    for output in outputs {
      lines += output.sizes(
        sourceByteCount: sourceByteCount, as: outputs.count > 1 ? ", as \(output.format)" : "")
    }
    lines += [
      "memory     about \(Quantities.bytes(memory.byteCount)): hidden states "
        + "\(Quantities.bytes(memory.streams)), a block \(Quantities.bytes(memory.block)), its tuning "
        + Quantities.bytes(memory.tuning)
        + (freeMemoryByteCount.map { "; free now \(Quantities.bytes($0))" } ?? ""),
      "disk       \(Quantities.bytes(diskByteCount)) while it runs"
        + (freeDiskByteCount.map { "; free now \(Quantities.bytes($0))" } ?? ""),
    ]
    if portionCount > 1 {
      lines.append(
        "portions   blocks of experts are tuned in \(portionCount) portions because of the memory budget; that "
          + "takes about \(Quantities.decimal(portionTimeFactor)) times as long")
    }
    lines +=
      shortages.isEmpty
      ? ["fits       yes, as far as is known"] : shortages.map { "fits       no: \($0)" }
    if let time { lines += time.lines }
    for output in outputs {
      if outputs.count > 1 { lines.append("\(output.format):") }
      lines += output.readers
    }
    return lines + warnings.map { "warning: \($0)" }
  }

  private var layerTable: Table {
    // Blocks are alike: one row for the layers of one name.
    let rows = Self.grouped(layers) { [pattern(of: $0.name), "\($0.shape)", $0.scheme] }
    return Table(
      header: ["quantized", "layers", "shape", "scheme", "bits", "bytes"],
      rows: rows.map { key, layers in
        let bytes = layers.reduce(0) { $0 + $1.byteCount }
        let weights = layers.reduce(0) { $0 + $1.shape.reduce(1, *) }
        return [
          key[0], "\(layers.count)", key[1], key[2],
          Quantities.decimal(8 * Double(bytes) / Double(max(1, weights))), Quantities.count(bytes),
        ]
      }
    )
  }

  private var keptTable: Table {
    let rows = Self.grouped(keptTensors) { [pattern(of: $0.name), $0.storage, $0.reason] }
    return Table(
      header: ["left as it is", "tensors", "stored as", "bytes", "because"],
      rows: rows.map { key, tensors in
        [
          key[0], "\(tensors.count)", key[1],
          Quantities.count(tensors.reduce(0) { $0 + $1.byteCount }), key[2],
        ]
      }
    )
  }

  private var fileTable: Table {
    Table(
      header: ["file", "bytes"], rows: files.map { [$0.name, Quantities.count($0.byteCount)] }
    )
  }

  /// Elements with equal keys, in the order of their first.
  private static func grouped<Element>(
    _ elements: [Element], by key: (Element) -> [String]
  ) -> [(key: [String], elements: [Element])] {
    Dictionary(grouping: elements.indices) { key(elements[$0]) }
      .sorted { $0.value[0] < $1.value[0] }
      .map { ($0.key, $0.value.map { elements[$0] }) }
  }
}

extension RunPlan.Output {
  /// - Parameter format: What follows, where there are several.
  fileprivate func sizes(sourceByteCount: Int, as format: String) -> [String] {
    [
      "size       \(Quantities.bytes(sourceByteCount)) -> \(Quantities.bytes(tensorByteCount)) of "
        + "tensors; \(Quantities.count(byteCount)) bytes of files\(format)",
      "bits       \(Quantities.decimal(bitsPerWeight)) per quantized weight, "
        + "\(Quantities.decimal(bitsPerParameter)) per parameter, "
        + "\(Quantities.decimal(bitsPerParameterWithoutEmbeddings)) without embedding and head",
    ]
  }

  fileprivate var readers: [String] {
    let sizes = tensorParallelSizes.map(String.init).joined(separator: ", ")
    let devices =
      tensorParallelSizes == [1]
      ? "devices    1: several cannot share its layers evenly (tensor parallelism)"
      : "devices    \(sizes) can share it (tensor parallelism)"
    return [devices]
      + runtimes.enumerated().map { ($0 == 0 ? "runtimes   " : "           ") + $1.line }
  }
}

extension TimeEstimate {
  package var lines: [String] {
    let estimate =
      "time       about \(Quantities.duration(seconds: seconds)): \(counted(blockCount, "block")) of "
      + "\(Quantities.duration(seconds: blockSeconds)); measured in "
      + Quantities.duration(seconds: measuringSeconds)
    guard isOnBusyMachine else { return [estimate] }
    return [
      estimate,
      "           the machine is busy: the measured steps got "
        + "\(Int((100 * processorShare).rounded())) % of the processors' time; about "
        + "\(Quantities.duration(seconds: seconds * processorShare)) if the run gets all of it",
    ]
  }
}
