import Diagnostics
public import JSONText

/// How the tensors of two checkpoints differ, quantized ones as the numbers that they stand for.
public struct CheckpointDifference: Sendable, Equatable {
  /// One weight, bias or other tensor of a model.
  public struct Entry: Sendable, Equatable {
    /// Its name in the model: that of a quantized weight is the one that it had before.
    public var name: String
    /// How it is stored in the first checkpoint, such as `bf16 [128, 128]` or `int4 group 128`; nil if
    /// it is not there.
    public var first: String?
    /// How it is stored in the second.
    public var second: String?
    /// What came of comparing the numbers; nil where there are not two tensors of one shape.
    public var error: Difference?
  }

  /// How far numbers are from others.
  public struct Difference: Sendable, Equatable {
    /// Root mean square of the difference, over that of the first checkpoint's numbers. Zero where they
    /// are the same, infinite where there was nothing but zeros.
    public var relativeError: Double
    /// The largest difference of two numbers.
    public var largestDifference: Double
    /// Elements that differ.
    public var differingCount: Int
    /// Elements.
    public var count: Int
  }

  /// Every tensor of either checkpoint, by name.
  public var entries: [Entry] = []

  /// The tensors whose numbers, shapes or presence differ, the worst first.
  public var changed: [Entry] {
    entries.filter { $0.error?.differingCount != 0 }.sorted {
      let (a, b) = ($0.error?.relativeError ?? .infinity, $1.error?.relativeError ?? .infinity)
      return (b, $0.name) < (a, $1.name)
    }
  }

  /// The difference as a JSON object, the one that `autoround diff --json` prints.
  public var json: JSONValue {
    [
      "tensors": JSONValue(entries.count), "changed": JSONValue(changed.count),
      "entries": .array(changed.map(\.json)),
    ]
  }
}

extension CheckpointDifference.Entry {
  fileprivate var json: JSONValue {
    func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
    var json: JSONValue = ["name": .string(name), "first": text(first), "second": text(second)]
    guard let error else { return json }
    json.set("relative_error", JSONValue(error.relativeError))
    json.set("largest_difference", JSONValue(error.largestDifference))
    json.set("differing", JSONValue(error.differingCount))
    json.set("elements", JSONValue(error.count))
    return json
  }
}

extension CheckpointDifference {
  /// The difference as lines for people.
  ///
  /// - Parameter limit: Tensors to name at most; nil for all that differ.
  package func lines(limit: Int?) -> [String] {
    let changed = changed
    let same = entries.count - changed.count
    var lines = [
      "\(Quantities.count(entries.count)) tensors: \(Quantities.count(same)) have the same numbers, "
        + "\(Quantities.count(changed.count)) differ"
    ]
    guard !changed.isEmpty else { return lines }
    let shown = changed.prefix(limit ?? changed.count)
    lines.append("")
    lines +=
      Table(
        header: ["tensor", "relative error", "largest", "elements that differ", "first", "second"],
        rows: shown.map { entry in
          let numbers = entry.error.map {
            [
              Quantities.percent($0.relativeError), Quantities.significant($0.largestDifference),
              Quantities.percent(Double($0.differingCount) / Double(max(1, $0.count))),
            ]
          }
          return [entry.name] + (numbers ?? ["-", "-", "-"])
            + [entry.first ?? "absent", entry.second ?? "absent"]
        }
      ).lines
    if shown.count < changed.count { lines.append("and \(changed.count - shown.count) more") }
    return lines
  }
}
