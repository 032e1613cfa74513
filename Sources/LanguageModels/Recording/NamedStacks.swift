/// The experts of a family that is not known, as far as the names and shapes of tensors tell where they are.
package enum NamedStacks {
  /// The layers of all experts in stacks of the forms
  ///
  /// | tensor | shape | or |
  /// |---|---|---|
  /// | `<experts>.gate_up_proj` | `[count, 2 width, hidden]` | `[count, hidden, 2 width]` |
  /// | `<experts>.down_proj` | `[count, hidden, width]` | `[count, width, hidden]` |
  ///
  /// with or without `.weight` at the end. Where the two have biases, gate and up projection may take turns, which
  /// nothing tells: they are left as they are.
  ///
  /// - Parameter shapes: Of all tensors, by name.
  package static func layers(_ shapes: [String: [Int]]) -> [LayerTensor] {
    shapes.keys.sorted().flatMap { name -> [LayerTensor] in
      for end in ["", ".weight"] where name.hasSuffix(".gate_up_proj\(end)") {
        let module = String(name.dropLast(".gate_up_proj\(end)".count))
        let down = "\(module).down_proj\(end)"
        let hasBias = ["_bias", ".bias"].contains { shapes["\(module).gate_up_proj\($0)"] != nil }
        guard !hasBias, let outer = shapes[name], let inner = shapes[down],
          let order = Order(outer, inner)
        else { continue }
        return layers(of: module, name, down, count: outer[0], order)
      }
      return []
    }
  }

  /// The sizes of an expert, and whether rows and columns are the other way round.
  private struct Order {
    let width: Int
    let hidden: Int
    let isTransposed: Bool

    init?(_ outer: [Int], _ inner: [Int]) {
      guard outer.count == 3, inner.count == 3, outer[0] == inner[0], outer.allSatisfy({ $0 > 0 })
      else { return nil }
      if outer[1].isMultiple(of: 2), outer[1] / 2 == inner[2], outer[2] == inner[1] {
        (width, hidden, isTransposed) = (inner[2], inner[1], false)
      } else if outer[2].isMultiple(of: 2), outer[2] / 2 == inner[1], outer[1] == inner[2] {
        (width, hidden, isTransposed) = (inner[1], inner[2], true)
      } else {
        return nil
      }
    }
  }

  private static func layers(
    of module: String, _ outer: String, _ inner: String, count: Int, _ order: Order
  ) -> [LayerTensor] {
    (0..<count).flatMap { expert -> [LayerTensor] in
      func layer(
        _ name: String, _ shape: [Int], _ tensor: String, _ steps: [StoredMatrix.Step]
      ) -> LayerTensor {
        let layer = "\(module).\(expert).\(name)"
        return LayerTensor(
          layer: layer, name: "\(layer).weight", shape: shape,
          stored: StoredMatrix(
            tensor, [.member(expert, of: count)] + steps, isTransposed: order.isTransposed))
      }
      let (width, hidden) = (order.width, order.hidden)
      return [
        layer("gate_proj", [width, hidden], outer, [.rows(from: 0, of: 2 * width)]),
        layer("up_proj", [width, hidden], outer, [.rows(from: width, of: 2 * width)]),
        layer("down_proj", [hidden, width], inner, []),
      ]
    }
  }
}
