/// What a router has decided about a batch.
package struct Routing: Hashable, Sendable {
  /// `[tokens, experts]`: what an expert's answer counts; 0 for those that a token has not chosen.
  package private(set) var weights: Value
  /// Which row belongs to which token and expert: the numbers of ``RoutingPlan``.
  package let plan: Value
  package let router: Router

  /// The same with other weights in the place of these.
  package func with(weights: Value) -> Routing {
    var routing = self
    routing.weights = weights
    return routing
  }
}

extension ProgramRecorder {
  /// Records the choice of experts by logits `z`, `[tokens, experts]`.
  ///
  /// What is chosen, and a `bias` that is added to what it is chosen by, have no gradient. With `u` for the scores
  /// `p` of the chosen and `s` for `sum u + normalization` (or 1), weights are `w = factor u / s`, and
  /// `du = factor / s (dw - sum(dw u) / s)`; softmax and sigmoid as usual. A token with a logit that is not
  /// finite goes nowhere, and its weights are NaN.
  ///
  /// - Parameter bias: A number for each expert.
  package mutating func routing(_ z: Operand, _ router: Router, bias: Parameter? = nil) -> Routing {
    precondition(z.columns == router.experts && rows(of: z.value) == .tokens)
    let weights = value(columns: router.experts, type: .float32)
    let plan = value(columns: RoutingPlan.columns(perToken: router.perToken), type: .float32)
    let result = append(
      Node(
        operation: .routing(router), inputs: [z], outputs: [weights, plan],
        saved: [z.value, weights, plan], parameters: bias.map { [$0] } ?? []))
    return Routing(weights: result, plan: plan, router: router)
  }

  /// Records the copies of tokens that experts read: for each expert, one after the other, a row for each token that has
  /// chosen it. Rows that are left over are 0. `dx` is the sum of its copies' gradients.
  ///
  /// - Parameter isWeighted: Whether a copy is multiplied with what its expert counts, `y = w x`: then `dx` is the sum
  ///   of `w dy`, and `dw` the product of both rows.
  package mutating func dispatch(
    _ x: Operand, _ routing: Routing, isWeighted: Bool = false
  ) -> Value {
    precondition(rows(of: x.value) == .tokens)
    let y = value(columns: x.columns, rows: .routed(perToken: routing.router.perToken))
    let weights = isWeighted ? [operand(routing.weights)] : []
    return append(
      Node(
        operation: .dispatch, inputs: [x] + weights, reads: [routing.plan], outputs: [y],
        saved: (isWeighted ? [x.value, routing.weights] : []) + [routing.plan]))
  }

  /// Records `y = x W_e^T + b_e`, for each row with the matrix of its expert; rows that are left over become 0.
  ///
  /// Gradients: `dx = dy W_e`, `dW_e = dy^T x` and `db_e = sum of dy` over the rows of that expert: 0 if it has none.
  ///
  /// - Parameters:
  ///   - weight: The matrices of all experts, as many rows for each, one under the other.
  ///   - bias: Their biases, one after the other.
  package mutating func groupedLinear(
    _ x: Operand, _ routing: Routing, weight: Parameter, bias: Parameter? = nil
  ) -> Value {
    let (experts, all) = (routing.router.experts, recording.parameters[weight.index].rows)
    precondition(recording.parameters[weight.index].columns == x.columns)
    precondition(all.isMultiple(of: experts))
    let y = value(columns: all / experts, rows: rows(of: x.value))
    return append(
      Node(
        operation: .groupedLinear, inputs: [x], reads: [routing.plan], outputs: [y],
        saved: [x.value, routing.plan], parameters: [weight] + (bias.map { [$0] } ?? [])))
  }

  /// Records what the experts of each token answer together: the sum of their rows of `y`, each times its weight.
  ///
  /// `dy = w dout` for each row, 0 for those that are left over, and `dw` is the product of both rows. The answer of a
  /// token that goes nowhere is what its weights are: NaN where its logits were not finite.
  ///
  /// - Parameter isWeighted: False where copies had their weights before the experts: then all count 1.
  package mutating func combined(
    _ y: Value, _ routing: Routing, isWeighted: Bool = true
  ) -> Value {
    precondition(rows(of: y) == .routed(perToken: routing.router.perToken))
    let sum = value(columns: columns(of: y))
    let weights = routing.weights
    return append(
      Node(
        operation: .combination, inputs: [operand(y)] + (isWeighted ? [operand(weights)] : []),
        reads: [routing.plan] + (isWeighted ? [] : [weights]), outputs: [sum],
        saved: (isWeighted ? [y, weights] : []) + [routing.plan]))
  }
}
